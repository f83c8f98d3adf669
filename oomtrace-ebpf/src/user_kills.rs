//! How many SIGKILLs from user space are told: a script that kills in a loop must neither fill the ring nor cost anything
//! that is seen.

use core::arch::asm;

use aya_ebpf::{macros::map, maps::Array};
use oomtrace_common::limits::{USER_KILL_BURST_NS, USER_KILL_PATHS, USER_KILLS, USER_KILLS_EVERY_NS};

use crate::{
    emit::now,
    kernel::{
        memcg,
        read::{Address, Probed},
        task,
    },
};

/// What was told lately. Several CPUs may write to it at once: the bounds may then be missed by a few.
#[repr(C)]
#[derive(Clone, Copy)]
struct UserKills {
    /// Beginning of the time in which `told` and `paths` were counted.
    since_ns: u64,
    told: u32,
    paths: u32,
    /// Not told, since the start.
    left_out: u64,
    /// Cgroups of target and sender whose paths were sent last, and when.
    target: u64,
    sender: u64,
    path_ns: u64,
}

#[map]
static USER_KILLS_TOLD: Array<UserKills> = Array::with_max_entries(1, 0);

/// Whether one more is told: then the paths of its cgroups are sent, unless they were just now, and the count of those
/// that were not told is returned.
#[inline(always)]
pub(crate) fn admit(target: Address) -> Option<u64> {
    // SAFETY: the map has one element that lives as long as the program; see above for several writers.
    let told = unsafe { &mut *USER_KILLS_TOLD.get_ptr_mut(0)? };
    let now = now();
    if now.saturating_sub(told.since_ns) >= USER_KILLS_EVERY_NS {
        (told.since_ns, told.told, told.paths) = (now, 0, 0);
    }
    if told.told >= USER_KILLS {
        let count = &raw mut told.left_out;
        // SAFETY: a valid, aligned map value; see `emit::count_lost` for why it is an instruction.
        unsafe { asm!("lock *(u64 *)({count} + 0) += {one}", count = in(reg) count, one = in(reg) 1_u64) };
        return None;
    }
    told.told += 1;
    send_paths(told, target, now);
    Some(told.left_out)
}

#[inline(always)]
fn send_paths(told: &mut UserKills, target: Address, now: u64) {
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
