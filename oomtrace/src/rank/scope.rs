//! Finds the processes that are killed with the victim.

use serde::Serialize;

use super::{Census, Domain};
use crate::{badness, bytes::ByteString, cgroup::is_below};

/// A cgroup that is killed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// Its path.
    pub cgroup: ByteString,
    /// Its processes, except those that are never killed.
    pub pids: Vec<i32>,
}

impl Domain {
    /// Returns the victim's highest ancestor with `memory.oom.group`, up to the domain, and the processes in it.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1669> (`mem_cgroup_get_oom_group`)
    pub(super) fn scope_of(&self, victim: &ByteString, census: &Census) -> Option<Scope> {
        let above = |group: &&ByteString| {
            is_below(victim.as_bytes(), group.as_bytes()) && self.holds(group.as_bytes())
        };
        let group = self.oom_groups.iter().filter(above).min_by_key(|group| group.as_bytes().len())?;
        Some(Scope { cgroup: group.clone(), pids: members(group, census) })
    }
}

/// Returns the processes of a group that the kernel would kill.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L998> (`oom_kill_memcg_member`)
fn members(group: &ByteString, census: &Census) -> Vec<i32> {
    let inside = census.found.iter().filter(|found| {
        found.cgroup.as_ref().is_some_and(|cgroup| is_below(cgroup.as_bytes(), group.as_bytes()))
    });
    let killed = inside.filter(|found| {
        !census.is_init(&found.task)
            && found.task.memory.is_some()
            && found.task.oom_score_adj != Some(badness::ADJ_MIN)
    });
    killed.filter_map(|found| found.task.pid).collect()
}
