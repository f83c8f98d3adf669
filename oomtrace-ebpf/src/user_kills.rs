//! Decides which signals from user space get their own frames, so that neither a script that kills in a loop nor the kill of a
//! large cgroup fills the ring. All signals are counted by sender and cgroup.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap},
};
use oomtrace_common::{
    event::{Act, ActRun, Sigkill, UserKills},
    limits::{
        USER_KILL_ACTS, USER_KILL_BURST_NS, USER_KILL_PATHS, USER_KILLS, USER_KILLS_EVERY_NS,
        user_kill_count_ns, write_pause_ns,
    },
};

use crate::{
    emit::{add, emit, now},
    kernel::{
        layout::slot,
        memcg,
        read::{Address, Probed, Read as _},
        task,
    },
};

/// The frames that were sent recently. Several CPUs may write to this record at the same time. A few more frames than the limits
/// allow may then be sent.
#[repr(C)]
#[derive(Clone, Copy)]
struct Told {
    /// Start of the period in which `told` and `paths` were counted, `CLOCK_BOOTTIME` ns.
    since_ns: u64,
    told: u32,
    paths: u32,
    /// Number of signals since the start that have no frame and are counted in no act.
    left_out: u64,
    /// The last sent paths: the cgroups of target and sender, and the time.
    target: u64,
    sender: u64,
    path_ns: u64,
}

#[map]
static USER_KILLS_TOLD: Array<Told> = Array::with_max_entries(1, 0);

/// The current acts. User space reads the last count of each act and removes old acts.
#[map]
static ACTS: HashMap<Act, ActRun> = HashMap::with_max_entries(USER_KILL_ACTS, 0);

/// `BPF_NOEXIST`: insert only if there is no element yet. Another CPU may have inserted it first.
const NEW: u64 = 1;

/// The kind of a signal.
#[derive(Clone, Copy)]
pub(crate) struct Signal {
    pub(crate) number: u32,
    pub(crate) origin: u32,
    pub(crate) group: u32,
}

/// The position of a signal in its act.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Number of signals so far, including this one; 0 if the table of acts was full.
    pub(crate) count: u64,
    /// Time of the first signal, `CLOCK_BOOTTIME` ns.
    pub(crate) first_ns: u64,
    /// See [`Told::left_out`].
    pub(crate) left_out: u64,
}

/// Counts a signal, and returns whether it gets its own frame. If so, this function also sends the paths of its cgroups, unless
/// they were sent a moment ago.
#[inline(always)]
pub(crate) fn admit(target: Address, signal: Signal, place: &mut Place) -> bool {
    let Some(told) = USER_KILLS_TOLD.get_ptr_mut(0) else { return false };
    // SAFETY: the map has one element that lives as long as the program. [`Told`] allows several writers.
    let told = unsafe { &mut *told };
    let now = now();
    if now.saturating_sub(told.since_ns) >= USER_KILLS_EVERY_NS {
        (told.since_ns, told.told, told.paths) = (now, 0, 0);
    }
    let room = told.told < USER_KILLS;
    if !count(&act(target, signal), now, room, place) {
        return false;
    }
    if !room {
        // SAFETY: this is a field of a valid map value.
        unsafe { add(&raw mut told.left_out, 1) };
        return false;
    }
    told.told += 1;
    place.left_out = told.left_out;
    send_paths(told, target, now);
    true
}

#[inline(always)]
fn act(target: Address, signal: Signal) -> Act {
    let sender = task::current();
    let mut act = Act {
        sender_pid: 0,
        signal: signal.number,
        origin: signal.origin,
        group: signal.group,
        sender_start_ns: 0,
        memcg: memcg::id::<Probed>(memcg::around_task(target)),
    };
    Probed::copy(sender, slot!(task_struct_tgid), &mut act.sender_pid);
    let leader = Probed::follow(sender, slot!(task_struct_group_leader));
    Probed::copy(leader, slot!(task_struct_start_boottime), &mut act.sender_start_ns);
    act
}

/// Counts a signal in its act, and returns false if it gets no frame of its own. The first signals of an act get one. The count of an act
/// is sent from time to time while the act continues. The final count is sent when the next act with the same key starts.
#[inline(always)]
fn count(act: &Act, now: u64, room: bool, place: &mut Place) -> bool {
    let mut run = ACTS.get_ptr_mut(act);
    if run.is_none() {
        let kills = UserKills { of: *act, first_ns: now, last_ns: now, count: 0, told: 0 };
        let _ = ACTS.insert(act, ActRun { kills, sent_ns: now }, NEW);
        run = ACTS.get_ptr_mut(act);
    }
    let Some(run) = run else { return true };
    // SAFETY: this is an element of the map. With several writers, the number of frames may be too low, but no count is lost.
    let run = unsafe { &mut *run };
    let pause = now.saturating_sub(run.kills.last_ns);
    let is_first = pause >= if is_write(act) { write_pause_ns(run.kills.count) } else { USER_KILL_BURST_NS };
    if is_first {
        send(run);
        (run.kills.first_ns, run.kills.count, run.kills.told) = (now, 0, 0);
    }
    // SAFETY: this is a field of a valid map value.
    unsafe { add(&raw mut run.kills.count, 1) };
    run.kills.last_ns = now;
    (place.count, place.first_ns) = (run.kills.count, run.kills.first_ns);
    if room && run.kills.told < u64::from(USER_KILLS) {
        run.kills.told += 1;
        return true;
    }
    if now.saturating_sub(run.sent_ns) >= user_kill_count_ns(now.saturating_sub(run.kills.first_ns)) {
        run.sent_ns = now;
        send(run);
    }
    false
}

/// Whether the act may be a write to `cgroup.kill`, which sends signals without information, and each to a thread.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup.c#L4004> (`__cgroup_kill`)
#[inline(always)]
fn is_write(act: &Act) -> bool {
    act.origin == Sigkill::FROM_NOINFO && act.group == 0
}

#[inline(never)]
fn send(run: &ActRun) {
    if run.kills.count > run.kills.told {
        emit::<UserKills>(0, |out| *out = run.kills);
    }
}

#[inline(always)]
fn send_paths(told: &mut Told, target: Address, now: u64) {
    let (target, sender) = (memcg::around_task(target), memcg::around_task(task::current()));
    let (target_id, sender_id) = (memcg::id::<Probed>(target), memcg::id::<Probed>(sender));
    let known = told.target == target_id && told.sender == sender_id;
    if (known && now.saturating_sub(told.path_ns) < USER_KILL_BURST_NS) || told.paths >= USER_KILL_PATHS {
        return;
    }
    told.paths += 1;
    (told.target, told.sender, told.path_ns) = (target_id, sender_id, now);
    memcg::emit_path(target, 0, (0, 0));
    memcg::emit_path(sender, 0, (target_id, 0));
}
