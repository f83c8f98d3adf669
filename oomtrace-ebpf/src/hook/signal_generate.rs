//! `signal:signal_generate`: `(int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result)`.
//! The tracepoint fires in the sender, with the target's `siglock` held.
//! <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/signal.h#L50>

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::btf_tracepoint, programs::BtfTracePointContext};
use oomtrace_common::{event::Sigkill, frame::Kind, layout::ABSENT};

use crate::{
    context::{argument, is_null, pointer_argument},
    emit::{emit, emit_as},
    kernel::{
        layout::slot,
        memcg,
        read::{Address, Probed, Read as _, Shallow, value},
        task,
    },
    killers, kills, pass,
    user_kills::{self, Place, Signal},
};

/// `SIGKILL`, the same on all architectures of Linux.
pub(super) const SIGKILL: u32 = 9;

/// `SIGTERM`, the same on all architectures of Linux. A service manager stops the other processes of a service with it, and earlyoom
/// sends it before SIGKILL.
const SIGTERM: u32 = 15;

/// The marker for a signal from the kernel. It is not an address and must not be followed. `SEND_SIG_NOINFO` is the null pointer.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched/signal.h>
const SEND_SIG_PRIV: u64 = 1;

#[btf_tracepoint]
fn signal_generate_tp_btf(ctx: BtfTracePointContext) -> u32 {
    let number = (argument(&ctx, slot!(arg_signal_sig)) & 0xffff_ffff) as u32;
    let by_killer = number == SIGTERM && killers::is_current();
    if number != SIGKILL && !by_killer && (number != SIGTERM || !kills::are_recent()) {
        return 0;
    }
    let result = argument(&ctx, slot!(arg_signal_result)) as i32;
    let group = argument(&ctx, slot!(arg_signal_group)) as u32;
    let target = pointer_argument(&ctx, slot!(arg_signal_task));
    match argument(&ctx, slot!(arg_signal_info)) {
        SEND_SIG_PRIV if number == SIGKILL => kill(target, result),
        SEND_SIG_PRIV => {}
        info => {
            if result == 0
                && let Some((origin, code)) = from_user(info)
            {
                user_kill(target, Signal { number, origin, group }, code, by_killer);
            }
        }
    }
    0
}

/// Returns the origin and the code of a signal from user space, or `None` if the kernel sent it. Signals from user space have a
/// code of at most 0. Greater codes are the kernel's own reasons to kill the current task.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/siginfo.h> (`SI_FROMUSER`)
#[inline(always)]
fn from_user(info: u64) -> Option<(u32, i32)> {
    if is_null(info) {
        return Some((Sigkill::FROM_NOINFO, 0));
    }
    let info: Address = core::ptr::without_provenance(info as usize);
    let mut code = 0_i32;
    let status = Probed::copy_optional(info, slot!(kernel_siginfo_si_code), &mut code);
    (status == 0 && code <= 0).then_some((Sigkill::FROM_SIGINFO, code))
}

#[inline(always)]
fn kill(target: Address, result: i32) {
    await_delivery(target);
    let Some(pass) = pass::current() else {
        // If the mark has no task, this is the last chance to read the victim's cgroup.
        if slot!(arg_mark_victim_task) == ABSENT {
            memcg::emit_path(memcg::around_task(target), 0, (0, 0));
        }
        kills::signal_alone(target);
        emit::<Sigkill>(0, |out| copy(target, result, out));
        return;
    };
    let sent = emit::<Sigkill>(pass.entry_ns, |out| {
        copy(target, result, out);
        out.in_pass = 1;
    });
    kills::signal(pass, sent);
}

/// Lets the target send its arguments and its executable when it gets the signal. A task that exits sends
/// SIGKILL for other reasons: the end of a pid namespace, or of a tracer. The kernel lets it allocate and kills no other task for it.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1144> (`task_will_free_mem`)
#[inline(always)]
fn await_delivery(target: Address) {
    if task::is_exiting::<Probed>(task::current()) {
        return;
    }
    let (pid, _) = value::<Shallow, i32>(target, slot!(task_struct_tgid));
    kills::add_pending(pid as u32, task::start_boot_ns::<Shallow>(target));
}

/// Handles a signal from user space. Signals of a process to itself and signals to a victim of the OOM killer are neither counted
/// nor sent.
#[inline(always)]
fn user_kill(target: Address, signal: Signal, code: i32, awaits_exit: bool) {
    let (pid, _) = value::<Shallow, i32>(target, slot!(task_struct_tgid));
    if pid == (bpf_get_current_pid_tgid() >> 32) as i32 || task::is_victim::<Shallow>(target) {
        return;
    }
    let mut place = Place { count: 0, first_ns: 0, left_out: 0 };
    if !user_kills::admit(target, signal, &mut place) {
        return;
    }
    if awaits_exit {
        killers::await_exit(pid as u32, task::start_boot_ns::<Shallow>(target));
    }
    let kind = if signal.number == SIGTERM { Kind::Sigterm } else { Kind::Sigkill };
    emit_as::<Sigkill>(kind.number(), 0, |out| {
        copy(target, 0, out);
        task::copy::<Probed>(task::current(), &mut out.sender);
        out.left_out = place.left_out;
        out.origin = signal.origin;
        out.code = code;
        out.group = signal.group;
        out.flags = if slot!(arg_signal_group) == ABSENT { 0 } else { Sigkill::HAS_GROUP }
            | if awaits_exit { Sigkill::AWAITS_EXIT } else { 0 };
        out.act_count = place.count;
        out.act_first_ns = place.first_ns;
    });
}

#[inline(always)]
fn copy(target: Address, result: i32, out: &mut Sigkill) {
    Shallow::copy(target, slot!(task_struct_tgid), &mut out.pid);
    Shallow::copy(target, slot!(task_struct_pid), &mut out.tid);
    task::comm::<Shallow>(target, &mut out.comm);
    out.start_boot_ns = task::start_boot_ns::<Shallow>(target);
    memcg::copy_id_of_css::<Probed>(memcg::of_task::<Shallow>(target), &mut out.memcg);
    task::copy::<Probed>(target, &mut out.target);
    let sender = bpf_get_current_pid_tgid();
    out.sender_pid = (sender >> 32) as i32;
    out.sender_tid = sender as i32;
    task::comm::<Probed>(task::current(), &mut out.sender_comm);
    out.result = result;
}
