//! `signal:signal_generate`: `(int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result)`.
//! <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/signal.h#L50>

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::btf_tracepoint, programs::BtfTracePointContext};
use oomtrace_common::{event::Sigkill, layout::ABSENT};

use crate::{
    context::{argument, pointer_argument},
    emit::emit,
    kernel::{
        layout::slot,
        memcg,
        read::{Address, Probed, Read as _, Typed},
        task,
    },
    pass,
};

/// `SIGKILL`, the same on every architecture Linux has.
const SIGKILL: u64 = 9;

/// `SEND_SIG_PRIV`: the kernel itself is the sender. A marker, not an address: never followed.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched/signal.h#L173>
const SEND_SIG_PRIV: u64 = 1;

#[btf_tracepoint]
fn signal_generate_tp_btf(ctx: BtfTracePointContext) -> u32 {
    if argument(&ctx, slot!(arg_signal_sig)) & 0xffff_ffff == SIGKILL
        && argument(&ctx, slot!(arg_signal_info)) == SEND_SIG_PRIV
    {
        let result = argument(&ctx, slot!(arg_signal_result)) as i32;
        kill(pointer_argument(&ctx, slot!(arg_signal_task)), result);
    }
    0
}

#[inline(always)]
fn kill(target: Address, result: i32) {
    let entry_ns = pass::current().map_or(0, |pass| pass.entry_ns);
    // Where the mark has no task, this is the last sight of the victim's cgroup.
    if slot!(arg_mark_victim_task) == ABSENT && entry_ns == 0 {
        memcg::emit_path(memcg::around_task(target), 0, &[0; 2]);
    }
    emit::<Sigkill>(entry_ns, |out| {
        Typed::copy(target, slot!(task_struct_tgid), &mut out.pid);
        Typed::copy(target, slot!(task_struct_pid), &mut out.tid);
        task::comm::<Typed>(target, &mut out.comm);
        let leader = Typed::follow(target, slot!(task_struct_group_leader));
        Typed::copy(leader, slot!(task_struct_start_boottime), &mut out.start_boot_ns);
        memcg::copy_id_of_css::<Typed>(memcg::of_task::<Typed>(target), &mut out.memcg);
        let sender = bpf_get_current_pid_tgid();
        out.sender_pid = (sender >> 32) as i32;
        out.sender_tid = sender as i32;
        task::comm::<Probed>(task::current(), &mut out.sender_comm);
        out.result = result;
        out.in_pass = u32::from(entry_ns != 0);
    });
}
