//! A task and its process.

use aya_ebpf::helpers::bpf_get_current_task;
use oomtrace_common::{event::Task, layout::ABSENT};

use super::{
    layout::slot,
    memcg, memory,
    read::{Address, NOTHING, Probed, Read, present, value},
};

/// The greatest depth of a pid namespace.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/pid_namespace.h#L15>
const PID_NAMESPACE_LEVELS: u32 = 32;

/// The bit in `task_struct.flags` for tasks that exit.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched.h#L1685>
const PF_EXITING: u32 = 0x0000_0004;

/// The bit in `task_struct.flags` for kernel threads.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched.h#L1706>
const PF_KTHREAD: u32 = 0x0020_0000;

/// Returns the current task. `bpf_get_current_task_btf` would return a typed pointer, but 5.10 does not have it.
#[inline(always)]
pub(crate) fn current() -> Address {
    // SAFETY: the helper takes no argument and returns the address of the current `task_struct`.
    let address = unsafe { bpf_get_current_task() };
    core::ptr::without_provenance(address as usize)
}

/// Copies the facts about `task` to `out`, which the caller has filled with zeroes. It is not inlined, because it is long and
/// every hook needs it.
#[inline(never)]
pub(crate) fn copy<R: Read>(task: Address, out: &mut Task) {
    let identity = R::copy(task, slot!(task_struct_tgid), &mut out.pid)
        | R::copy(task, slot!(task_struct_pid), &mut out.tid)
        | R::copy(task, slot!(task_struct_flags), &mut out.flags)
        | comm::<R>(task, &mut out.comm);
    out.present |= present(Task::PID, identity);

    let leader = R::follow(task, slot!(task_struct_group_leader));
    let led = R::Behind::copy(leader, slot!(task_struct_start_boottime), &mut out.start_boot_ns)
        | comm::<R::Behind>(leader, &mut out.leader_comm);
    out.present |= present(Task::LEADER, led);

    out.present |= present(Task::UID, copy_uid::<R>(task, &mut out.uid));

    copy_signal::<R::Behind>(R::follow(task, slot!(task_struct_signal)), out);
    memory::copy::<R::Behind>(R::follow(task, slot!(task_struct_mm)), out);

    let status = memcg::copy_id_of_css::<R::Behind>(memcg::of_task::<R>(task), &mut out.memcg);
    out.present |= present(Task::MEMCG, status);
}

/// Returns the start of the task's process, `CLOCK_BOOTTIME` ns. It is 0 if it cannot be read.
#[inline(always)]
pub(crate) fn start_boot_ns<R: Read>(task: Address) -> u64 {
    let leader = R::follow(task, slot!(task_struct_group_leader));
    value::<R::Behind, u64>(leader, slot!(task_struct_start_boottime)).0
}

#[inline(always)]
fn copy_signal<R: Read>(signal: Address, out: &mut Task) {
    let status = R::copy(signal, slot!(signal_struct_oom_score_adj), &mut out.oom_score_adj);
    out.present |= present(Task::OOM_SCORE_ADJ, status);
    if has_oom_mm::<R>(signal) {
        out.present |= Task::WAS_VICTIM;
    }
    copy_ns_pid(signal, out);
}

/// Copies the process id in the innermost namespace: `pids[PIDTYPE_TGID]->numbers[level].nr`. The index is known only at run
/// time, and a typed load needs a constant offset.
#[inline(always)]
fn copy_ns_pid(signal: Address, out: &mut Task) {
    if slot!(signal_struct_pids_tgid) == ABSENT {
        return;
    }
    let pid = Probed::follow(signal, slot!(signal_struct_pids_tgid));
    let (level, status) = value::<Probed, u32>(pid, slot!(pid_level));
    let upid =
        pid.cast::<u8>().wrapping_add((level % (PID_NAMESPACE_LEVELS + 1) * slot!(upid_size)) as usize);
    let numbers = slot!(pid_numbers).wrapping_add(slot!(upid_nr));
    let status = status | Probed::copy(upid.cast(), numbers, &mut out.ns_pid);
    out.present |= present(Task::NS_PID, status);
}

/// Copies `task_struct.comm` as two words.
#[inline(always)]
pub(crate) fn comm<R: Read>(task: Address, out: &mut [u8; 16]) -> i64 {
    let offset = slot!(task_struct_comm);
    let (head, head_status) = value::<R, u64>(task, offset);
    let (tail, tail_status) = value::<R, u64>(task, offset.wrapping_add(8));
    // SAFETY: the 16 bytes are two words, and the store allows an unaligned field.
    unsafe { (&raw mut *out).cast::<[u64; 2]>().write_unaligned([head, tail]) };
    head_status | tail_status
}

/// Whether the kernel has marked the process of `task` as an OOM victim: `signal->oom_mm` is set.
#[inline(always)]
pub(crate) fn is_victim<R: Read>(task: Address) -> bool {
    has_oom_mm::<R::Behind>(R::follow(task, slot!(task_struct_signal)))
}

#[inline(always)]
pub(crate) fn has_oom_mm<R: Read>(signal: Address) -> bool {
    !oom_mm::<R>(signal).is_null()
}

/// Returns `signal->oom_mm`: the memory of a victim, even after the victim has released it.
#[inline(always)]
pub(crate) fn oom_mm<R: Read>(signal: Address) -> Address {
    if slot!(signal_struct_oom_mm) == ABSENT {
        return core::ptr::null();
    }
    R::follow(signal, slot!(signal_struct_oom_mm))
}

/// Returns the parent: the process that created the task, or the one that adopted it after the parent's exit.
#[inline(always)]
pub(crate) fn real_parent<R: Read>(task: Address) -> Address {
    if slot!(task_struct_real_parent) == ABSENT {
        return core::ptr::null();
    }
    R::follow(task, slot!(task_struct_real_parent))
}

/// Copies the real user id.
#[inline(always)]
pub(crate) fn copy_uid<R: Read>(task: Address, out: &mut u32) -> i64 {
    if slot!(task_struct_real_cred) == ABSENT {
        return NOTHING;
    }
    R::Behind::copy_optional(R::follow(task, slot!(task_struct_real_cred)), slot!(cred_uid), out)
}

/// Whether the task has begun to exit.
#[inline(always)]
pub(crate) fn is_exiting<R: Read>(task: Address) -> bool {
    value::<R, u32>(task, slot!(task_struct_flags)).0 & PF_EXITING != 0
}

/// Whether the task is a kernel thread.
#[inline(always)]
pub(crate) fn is_kthread<R: Read>(task: Address) -> bool {
    value::<R, u32>(task, slot!(task_struct_flags)).0 & PF_KTHREAD != 0
}
