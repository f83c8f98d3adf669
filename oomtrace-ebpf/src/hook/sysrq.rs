//! `void __handle_sysrq(int key, bool check_mask)` (`u8 key` since 6.6): the kernel handles a SysRq key. Only a write to
//! `/proc/sysrq-trigger` skips the check of the mask. The other callers run in an interrupt, and its current task is unrelated to
//! the request. <https://github.com/torvalds/linux/blob/v6.12/drivers/tty/sysrq.c#L570>
//!
//! `printk:console`: `(const char *text, size_t len)`, for kernels on which no function can be hooked. The kernel prints a line
//! for each request. <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/printk.h#L10>

use aya_ebpf::{
    macros::{btf_tracepoint, fentry, kprobe},
    programs::{BtfTracePointContext, FEntryContext, ProbeContext},
};
use oomtrace_common::event::SysrqOom;

use crate::{
    context::{Arguments, argument, pointer_argument},
    emit::emit,
    kernel::{
        read::{Address, Probed, value},
        task,
    },
};

/// The key of `moom_callback`.
const KEY: u64 = b'f' as u64;

/// The first 16 bytes of "sysrq: Manual OOM execution", the message of `__handle_sysrq` for that key.
const MESSAGE: [u64; 2] = [u64::from_ne_bytes(*b"sysrq: M"), u64::from_ne_bytes(*b"anual OO")];

/// Possible lengths of the prefix "[   12.345678] " in bytes. Kernels before 5.19 print it before the message.
const STAMPS: [u32; 3] = [0, 15, 16];

#[fentry]
fn sysrq_fentry(ctx: FEntryContext) -> u32 {
    handle(&ctx)
}

#[kprobe]
fn sysrq_kprobe(ctx: ProbeContext) -> u32 {
    handle(&ctx)
}

#[btf_tracepoint]
fn sysrq_console_tp_btf(ctx: BtfTracePointContext) -> u32 {
    let text = pointer_argument(&ctx, 0);
    let [none, short, long] = STAMPS;
    if is_message(text, none) || is_message(text, short) || is_message(text, long) {
        emit::<SysrqOom>(0, |out| out.source = SysrqOom::PRINTED);
    }
    0
}

#[inline(always)]
fn is_message(text: Address, stamp: u32) -> bool {
    let (first, status) = value::<Probed, u64>(text, stamp);
    status == 0 && first == MESSAGE[0] && value::<Probed, u64>(text, stamp + 8).0 == MESSAGE[1]
}

#[inline(always)]
fn handle<C: Arguments>(ctx: &C) -> u32 {
    if argument(ctx, 0) & 0xff != KEY {
        return 0;
    }
    let is_input = argument(ctx, 1) & 0xff != 0;
    emit::<SysrqOom>(0, |out| {
        if is_input {
            out.source = SysrqOom::INPUT;
        } else {
            out.source = SysrqOom::WRITTEN;
            task::copy::<Probed>(task::current(), &mut out.requester);
        }
    });
    0
}
