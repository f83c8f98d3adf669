//! `signal:signal_deliver`: `(int sig, struct kernel_siginfo *info, struct k_sigaction *ka)`.
//! <https://github.com/torvalds/linux/blob/v6.12/kernel/signal.c#L2731>
//!
//! The tracepoint fires in the process that gets the signal, also for a SIGKILL that was sent to another of its threads. The process
//! still has its memory. Its arguments and executable can be read here without a race: user space reads them from procfs, and a
//! process has often exited by then.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::btf_tracepoint, programs::BtfTracePointContext};
use oomtrace_common::{
    event::{Arguments, Executable},
    frame::Kind,
};

use super::signal_generate::SIGKILL;
use crate::{
    context::argument,
    emit::{emit, emit_as},
    kernel::{
        arguments, executable,
        layout::slot,
        read::{Probed, Read as _, value},
        task,
    },
    kills,
};

#[btf_tracepoint]
fn signal_deliver_tp_btf(ctx: BtfTracePointContext) -> u32 {
    let number = (argument(&ctx, slot!(arg_signal_deliver_sig)) & 0xffff_ffff) as u32;
    if number == SIGKILL {
        let leader = Probed::follow(task::current(), slot!(task_struct_group_leader));
        let (start, _) = value::<Probed, u64>(leader, slot!(task_struct_start_boottime));
        if kills::take_pending((bpf_get_current_pid_tgid() >> 32) as u32, start) {
            send();
        }
    }
    0
}

#[inline(always)]
fn send() {
    let task = task::current();
    if arguments::are_here::<Probed>(task) {
        emit_as::<Arguments>(Kind::VictimArguments.number(), 0, |out| arguments::copy::<Probed>(task, out));
    }
    if !executable::is_readable() {
        return;
    }
    emit::<Executable>(0, |out| {
        Probed::copy(task, slot!(task_struct_tgid), &mut out.pid);
        Probed::copy(task, slot!(task_struct_pid), &mut out.tid);
        let leader = Probed::follow(task, slot!(task_struct_group_leader));
        Probed::copy(leader, slot!(task_struct_start_boottime), &mut out.start_boot_ns);
        executable::copy(Probed::follow(task, slot!(task_struct_mm)), out);
    });
}
