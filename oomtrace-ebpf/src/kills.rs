//! Counts all OOM kills, and the OOM kills for which no frame was sent because the ring was full.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::map,
    maps::{Array, LruHashMap},
};
use oomtrace_common::{
    frame::{KILLS_SLOT, UNREPORTED_KILLS_SLOT},
    limits::{KILLERS, PENDING_VICTIMS, SIGTERM_AFTER_KILL_NS},
};

use crate::{
    emit::{count_in, now},
    kernel::{
        layout::slot,
        read::{Address, Read as _, Shallow},
    },
    pass::{self, Pass},
};

/// If passes are not seen: for each thread in which the kernel sent SIGKILL, the thread that got the signal. If the kernel marks
/// that thread next, the signal was an OOM kill. The kernel also sends SIGKILL for other reasons, and to processes that share the
/// victim's memory.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L945>
#[map]
static KILLING: LruHashMap<u64, u64> = LruHashMap::with_max_entries(KILLERS, 0);

/// The processes that the kernel sent SIGKILL and that have not received it yet, by pid. The value is the start of the process: a process
/// that was already ending gets no signal, and its pid may be used again.
#[map]
static PENDING: LruHashMap<u32, u64> = LruHashMap::with_max_entries(PENDING_VICTIMS, 0);

/// Time of the last mark, `CLOCK_BOOTTIME` ns.
#[map]
static MARKED: Array<u64> = Array::with_max_entries(1, 0);

/// Handles the entry of `__oom_kill_process`. `sent` says whether a frame names the victim.
#[inline(always)]
pub(crate) fn begin(pass: &mut Pass, victim: Address, sent: bool) {
    pass.victim = victim.addr() as u64;
    if pass.first_victim == 0 {
        pass.first_victim = pass.victim;
    }
    pass.reported = u64::from(sent);
}

/// Handles a SIGKILL by the kernel inside a pass. The first signal in a call of `__oom_kill_process` is for the victim. The
/// others are for processes that share its memory.
#[inline(always)]
pub(crate) fn signal(pass: &mut Pass, sent: bool) {
    if pass.victim != 0 && pass.signaled == 0 {
        pass.signaled = 1;
        pass.reported |= u64::from(sent);
    }
}

/// Handles a mark inside a pass.
#[inline(always)]
pub(crate) fn mark(sent: bool) {
    set_marked();
    if let Some(pass) = pass::current()
        && pass.victim != 0
    {
        pass.reported |= u64::from(sent);
    }
}

/// Counts the latest kill of a pass, when no more frames about it can follow.
#[inline(always)]
pub(crate) fn settle(pass: &mut Pass) {
    if pass.signaled != 0 {
        let again = pass.kills > 1 && pass.victim == pass.first_victim;
        count(pass, again);
    }
    pass.victim = 0;
    pass.signaled = 0;
}

#[inline(always)]
fn count(pass: &mut Pass, again: bool) {
    if again {
        // A frame of the second call names the victim, so that it is reported after all.
        if pass.reported != 0 && pass.first_unreported != 0 {
            count_in(UNREPORTED_KILLS_SLOT, u64::MAX);
            pass.first_unreported = 0;
        }
        return;
    }
    count_in(KILLS_SLOT, 1);
    if pass.reported == 0 {
        count_in(UNREPORTED_KILLS_SLOT, 1);
        if pass.victim == pass.first_victim {
            pass.first_unreported = 1;
        }
    }
}

/// Handles a SIGKILL by the kernel outside all passes that are seen.
#[inline(always)]
pub(crate) fn signal_alone(target: Address) {
    let tid = thread(target);
    let _ = KILLING.insert(bpf_get_current_pid_tgid(), tid, 0);
}

/// Handles a mark outside all passes that are seen.
#[inline(always)]
pub(crate) fn mark_alone(victim: Option<Address>, tid: i32, sent: bool) {
    set_marked();
    let Some(killed) = KILLING.get_ptr_mut(bpf_get_current_pid_tgid()) else { return };
    let tid = victim.map_or(u64::from(tid as u32), thread);
    // SAFETY: this is an element of the map, and only this thread writes to it.
    let killed = unsafe { &mut *killed };
    if *killed != tid || tid == 0 {
        return;
    }
    *killed = 0;
    count_in(KILLS_SLOT, 1);
    if !sent {
        count_in(UNREPORTED_KILLS_SLOT, 1);
    }
}

/// Records a SIGKILL by the kernel. The target's `siglock` is held, so the target cannot receive the signal before.
#[inline(always)]
pub(crate) fn add_pending(pid: u32, start_boot_ns: u64) {
    let _ = PENDING.insert(pid, start_boot_ns, 0);
}

/// Whether the kernel sent SIGKILL to this process. Returns true only once: in the first of its threads that gets the signal.
#[inline(always)]
pub(crate) fn take_pending(pid: u32, start_boot_ns: u64) -> bool {
    let Some(pending) = PENDING.get_ptr(pid) else { return false };
    // SAFETY: this is an element of the map. If another process has taken its place meanwhile, the value is another start.
    let is_it = unsafe { *pending } == start_boot_ns;
    PENDING.remove(pid).is_ok() && is_it
}

#[inline(always)]
fn thread(task: Address) -> u64 {
    let mut tid = 0_i32;
    Shallow::copy(task, slot!(task_struct_pid), &mut tid);
    u64::from(tid as u32)
}

#[inline(always)]
fn set_marked() {
    if let Some(marked) = MARKED.get_ptr_mut(0) {
        // SAFETY: this is a valid map value. With several writers, the result is the time of one of them.
        unsafe { *marked = now() };
    }
}

/// Whether the kernel marked a process in the last [`SIGTERM_AFTER_KILL_NS`].
#[inline(always)]
pub(crate) fn are_recent() -> bool {
    let Some(marked) = MARKED.get_ptr_mut(0) else { return false };
    // SAFETY: this is a valid map value.
    let marked = unsafe { *marked };
    marked != 0 && now().saturating_sub(marked) < SIGTERM_AFTER_KILL_NS
}
