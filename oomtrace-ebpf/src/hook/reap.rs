//! `oom:start_task_reaping`, `oom:finish_task_reaping`, `oom:skip_task_reaping`: `(int pid)`, a thread id.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L582>

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use oomtrace_common::event::Reap;

use crate::{context::argument, emit::emit, kernel::layout::slot};

#[btf_tracepoint]
fn reap_start_tp_btf(ctx: BtfTracePointContext) -> u32 {
    tell(&ctx, Reap::START)
}

#[btf_tracepoint]
fn reap_finish_tp_btf(ctx: BtfTracePointContext) -> u32 {
    tell(&ctx, Reap::FINISH)
}

#[btf_tracepoint]
fn reap_skip_tp_btf(ctx: BtfTracePointContext) -> u32 {
    tell(&ctx, Reap::SKIP)
}

#[inline(always)]
fn tell(ctx: &BtfTracePointContext, step: u32) -> u32 {
    let tid = argument(ctx, slot!(arg_reap_pid)) as i32;
    emit::<Reap>(0, |out| {
        out.tid = tid;
        out.step = step;
    });
    0
}
