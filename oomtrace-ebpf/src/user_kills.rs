//! Which signals from user space have frames of their own: neither a script that kills in a loop nor a cgroup of thousands may fill the
//! ring. All are counted, by sender and cgroup.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap},
};
use oomtrace_common::{
    event::{Act, ActRun, UserKills},
    limits::{
        USER_KILL_ACTS, USER_KILL_BURST_NS, USER_KILL_COUNT_NS, USER_KILL_PATHS, USER_KILLS,
        USER_KILLS_EVERY_NS,
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

/// What was told lately. Several CPUs may write to it at once: the bounds may then be missed by a few.
#[repr(C)]
#[derive(Clone, Copy)]
struct Told {
    /// Beginning of the time in which `told` and `paths` were counted.
    since_ns: u64,
    told: u32,
    paths: u32,
    /// Neither told nor counted in an act, since the start.
    left_out: u64,
    /// Cgroups of target and sender whose paths were sent last, and when.
    target: u64,
    sender: u64,
    path_ns: u64,
}

#[map]
static USER_KILLS_TOLD: Array<Told> = Array::with_max_entries(1, 0);

/// Acts under way; user space reads the last count of each, and removes old ones.
#[map]
static ACTS: HashMap<Act, ActRun> = HashMap::with_max_entries(USER_KILL_ACTS, 0);

/// `BPF_NOEXIST`: another CPU may have been first.
const NEW: u64 = 1;

/// A signal's kind.
#[derive(Clone, Copy)]
pub(crate) struct Signal {
    pub(crate) number: u32,
    pub(crate) origin: u32,
    pub(crate) group: u32,
}

/// A signal's place in its act.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Signals so far, this one included; 0 where acts found no room.
    pub(crate) count: u64,
    /// When the first was sent.
    pub(crate) first_ns: u64,
    /// See [`Told::left_out`].
    pub(crate) left_out: u64,
}

/// Counts a signal; whether it has a frame of its own. Then the paths of its cgroups are sent, unless they were just now.
#[inline(always)]
pub(crate) fn admit(target: Address, signal: Signal, place: &mut Place) -> bool {
    let Some(told) = USER_KILLS_TOLD.get_ptr_mut(0) else { return false };
    // SAFETY: the map has one element that lives as long as the program; see above for several writers.
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
        // SAFETY: a field of a valid map value.
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

/// Counts a signal of an act; false if the count is all that is told of it. The count of an act that goes on is sent now and then,
/// and that of one that was over when the next of the same kind begins.
#[inline(always)]
fn count(act: &Act, now: u64, room: bool, place: &mut Place) -> bool {
    let mut run = ACTS.get_ptr_mut(act);
    if run.is_none() {
        let kills = UserKills { of: *act, first_ns: now, last_ns: now, count: 0, told: 0 };
        let _ = ACTS.insert(act, ActRun { kills, sent_ns: now }, NEW);
        run = ACTS.get_ptr_mut(act);
    }
    let Some(run) = run else { return true };
    // SAFETY: an element of the map; of several writers each may miss a frame that another one sends, and no count.
    let run = unsafe { &mut *run };
    if now.saturating_sub(run.kills.last_ns) >= USER_KILL_BURST_NS {
        send(run);
        (run.kills.first_ns, run.kills.count, run.kills.told) = (now, 0, 0);
    }
    // SAFETY: a field of a valid map value.
    unsafe { add(&raw mut run.kills.count, 1) };
    run.kills.last_ns = now;
    (place.count, place.first_ns) = (run.kills.count, run.kills.first_ns);
    if room && run.kills.told < u64::from(USER_KILLS) {
        run.kills.told += 1;
        return true;
    }
    if now.saturating_sub(run.sent_ns) >= USER_KILL_COUNT_NS {
        run.sent_ns = now;
        send(run);
    }
    false
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
