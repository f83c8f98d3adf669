//! The stacks of the current task: its calls at the allocation.

use aya_ebpf::{
    EbpfContext,
    bindings::{BPF_F_USER_BUILD_ID, BPF_F_USER_STACK},
    helpers::{bpf_get_current_pid_tgid, generated::bpf_get_stack},
    macros::map,
    maps::Array,
};
use oomtrace_common::{
    event::{Stack, UserCall},
    frame::{FrameHeader, Kind},
    limits::{KERNEL_CALLS, STACK_EVERY_NS, USER_CALLS},
};

use crate::emit::{self, Framed, now};

const KERNEL_BYTES: u32 = (KERNEL_CALLS * size_of::<u64>()) as u32;
const USER_BYTES: u32 = (USER_CALLS * size_of::<UserCall>()) as u32;

/// Number of bytes of a frame before its last array.
const HEAD_BYTES: u64 = size_of::<Framed<Stack>>() as u64 - USER_BYTES as u64;

/// Space for a frame, which does not fit on the program's own stack, and the task of the last frame. `oom_lock` is held whenever
/// a frame is sent.
#[repr(C)]
struct Scratch {
    frame: Framed<Stack>,
    pid_tgid: u64,
    /// The pass whose kernel stack is in the frame already; 0 if there is none.
    ahead: u64,
}

#[map]
static STACK: Array<Scratch> = Array::with_max_entries(1, 0);

#[inline(always)]
fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: this is an element of the map and lives as long as the program. Only hooks under `oom_lock` use it.
    STACK.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
}

/// Reads the kernel stack of a pass at the entry of `out_of_memory`. This program runs before the return probe replaces the return
/// address, because the kernel calls the probe that was registered last first, and this one is.
/// <https://github.com/torvalds/linux/blob/v5.10/kernel/kprobes.c> (`add_new_kprobe`)
#[inline(always)]
pub(crate) fn read_ahead<C: EbpfContext>(context: &C, pass: u64) {
    let Some(scratch) = scratch() else { return };
    read_kernel(context, &mut scratch.frame.event);
    scratch.ahead = pass;
}

/// Sends the stacks of the current task.
#[inline(always)]
pub(crate) fn send<C: EbpfContext>(context: &C, pass: u64) {
    let Some(scratch) = scratch() else { return };
    fill(context, scratch, pass);
}

/// Sends the stacks of the current task outside a pass, unless they were sent a moment ago.
#[inline(always)]
pub(crate) fn send_once<C: EbpfContext>(context: &C) {
    let Some(scratch) = scratch() else { return };
    let since = now().saturating_sub(scratch.frame.header.boot_ns);
    if scratch.pid_tgid != bpf_get_current_pid_tgid() || since > STACK_EVERY_NS {
        fill(context, scratch, 0);
    }
}

#[inline(always)]
fn fill<C: EbpfContext>(context: &C, scratch: &mut Scratch, pass: u64) {
    let Scratch { frame, pid_tgid, ahead } = scratch;
    *pid_tgid = bpf_get_current_pid_tgid();
    let out = &mut frame.event;
    out.pid = (*pid_tgid >> 32) as i32;
    out.tid = *pid_tgid as i32;
    if pass == 0 || *ahead != pass {
        read_kernel(context, out);
    }
    let user = out.user.as_mut_ptr().cast();
    let flags = u64::from(BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
    // SAFETY: the same as for the kernel stack.
    let copied = unsafe { bpf_get_stack(context.as_ptr(), user, USER_BYTES, flags) };
    out.user_bytes = copied as i32;
    // As an unsigned number, an error is large. Every verifier sees both bounds from this one comparison.
    let copied = copied as u64;
    let copied = if copied > u64::from(USER_BYTES) { 0 } else { copied };
    let bytes = HEAD_BYTES + copied;
    frame.header = FrameHeader {
        kind: Kind::Stack.number(),
        reserved: 0,
        len: (bytes - size_of::<FrameHeader>() as u64) as u32,
        boot_ns: now(),
        pass,
    };
    emit::copy_out((&raw const *frame).cast(), bytes, Kind::Stack);
}

#[inline(always)]
fn read_kernel<C: EbpfContext>(context: &C, out: &mut Stack) {
    let kernel = out.kernel.as_mut_ptr().cast();
    // SAFETY: the helper writes all of the array and nothing else. It fills the elements after the last call with zeroes.
    let copied = unsafe { bpf_get_stack(context.as_ptr(), kernel, KERNEL_BYTES, 0) };
    out.kernel_bytes = copied as i32;
}
