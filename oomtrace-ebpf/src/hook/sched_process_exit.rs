//! `sched:sched_process_exit`: `(struct task_struct *p)`, with `bool group_dead` after it from 6.16 on.
//! <https://github.com/torvalds/linux/blob/v6.12/kernel/exit.c#L972>
//!
//! Sends a frame only for the last thread of a victim, or of a process that a killer in user space told to exit.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use oomtrace_common::event::Exit;

use crate::{
    context::pointer_argument,
    emit::emit,
    kernel::{
        layout::slot,
        read::{Address, Probed, Read as _, Shallow, value},
        task,
    },
    killers,
};

#[btf_tracepoint]
fn process_exit_tp_btf(ctx: BtfTracePointContext) -> u32 {
    let task = pointer_argument(&ctx, slot!(arg_exit_task));
    let signal = Shallow::follow(task, slot!(task_struct_signal));
    if task::has_oom_mm::<Probed>(signal) || (killers::may_await() && is_awaited(task)) {
        exit(task, signal);
    }
    0
}

#[inline(always)]
fn is_awaited(task: Address) -> bool {
    let (pid, _) = value::<Shallow, u32>(task, slot!(task_struct_tgid));
    killers::is_awaited(pid, task::start_boot_ns::<Shallow>(task))
}

#[inline(always)]
fn exit(task: Address, signal: Address) {
    let mut live = 0;
    Probed::copy_optional(signal, slot!(signal_struct_live), &mut live);
    if live > 0 {
        return;
    }
    emit::<Exit>(0, |out| {
        Shallow::copy(task, slot!(task_struct_tgid), &mut out.pid);
        Shallow::copy(task, slot!(task_struct_pid), &mut out.tid);
        out.start_boot_ns = task::start_boot_ns::<Shallow>(task);
        out.live = live;
    });
}
