//! Looks at the cgroup of a victim some time after the kill: whether it still exists, and whether the victim's command runs again.

use std::collections::VecDeque;

use oomtrace_common::event::Task;

use super::{
    cgroup::cgroup_paths::Lookup,
    process::census::{comm, members, start_ticks},
};
use crate::{
    bytes::ByteString,
    context::{AFTERWARDS_NS, Afterwards, Restarted, TICK_NS},
    kernel::clock,
};

/// Maximum number of cgroups that are looked at later. In a storm, the rest is not looked at.
const DUE: usize = 64;

/// Maximum number of processes of a cgroup that are compared with the victim.
const MEMBERS: usize = 256;

/// The cgroups that will be looked at, in the order of their times.
#[derive(Default)]
pub(super) struct Looks {
    due: VecDeque<Look>,
}

struct Look {
    killed: Killed,
    path: ByteString,
}

/// A victim whose cgroup will be looked at.
#[derive(Clone)]
pub(super) struct Killed {
    /// 0 if the kernel side does not see passes.
    pass: u64,
    pid: Option<i32>,
    memcg: u64,
    comm: ByteString,
    boot_ns: u64,
}

impl Killed {
    /// `None` if the victim's cgroup or name is not known.
    pub(super) fn of(victim: &Task, pass: u64, boot_ns: u64) -> Option<Self> {
        let has = |bit| victim.present & bit != 0;
        let comm = if has(Task::LEADER) { &victim.leader_comm } else { &victim.comm };
        let comm: Vec<u8> = comm.iter().copied().take_while(|byte| *byte != 0).collect();
        let known = has(Task::MEMCG) && victim.memcg != 0 && !comm.is_empty();
        let pid = has(Task::PID).then_some(victim.pid);
        known.then(|| Self { pass, pid, memcg: victim.memcg, comm: ByteString::from(comm), boot_ns })
    }

    /// Whether both are victims of one decision in one cgroup. Without passes, each victim counts as one of its own.
    fn is_of_same_decision(&self, other: &Self) -> bool {
        (self.pass, self.memcg) == (other.pass, other.memcg) && (self.pass != 0 || self.pid == other.pid)
    }
}

impl Looks {
    /// Remembers the path of a victim's cgroup. Does nothing if the cgroup is the root, which has processes of every kind, or if it
    /// was looked up already for this decision.
    pub(super) fn expect(&mut self, killed: &Killed, cgroups: &mut Lookup) {
        let is_known = self.due.iter().any(|look| look.killed.is_of_same_decision(killed));
        if is_known || self.due.len() >= DUE {
            return;
        }
        if let Some(path) = cgroups.path(killed.memcg).filter(|path| path.as_bytes() != b"/") {
            self.due.push_back(Look { killed: killed.clone(), path });
        }
    }

    /// The time of the next look, `CLOCK_BOOTTIME` ns.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.due.front().map(Look::at_ns)
    }

    /// Looks at the next cgroup if its time has come. Returns the pass and the result.
    pub(super) fn look(&mut self, now: u64, cgroups: &Lookup) -> Option<(u64, Afterwards)> {
        let look = self.due.pop_front_if(|look| look.at_ns() <= now)?;
        let Killed { pass, pid, memcg, .. } = look.killed;
        let removed = cgroups.is_gone(memcg)?;
        let directory = cgroups.directory(&look.path)?;
        let restarted = members(&directory).into_iter().take(MEMBERS).find_map(|pid| look.restarted(pid));
        Some((pass, Afterwards { victim_pid: pid, memcg, removed, restarted }))
    }
}

impl Look {
    fn at_ns(&self) -> u64 {
        self.killed.boot_ns.saturating_add(AFTERWARDS_NS)
    }

    /// The process, if it has the victim's name and started after the kill. Ticks are rounded down, so that a process of the same
    /// tick as the kill does not count.
    fn restarted(&self, pid: i32) -> Option<Restarted> {
        let start_boot_ns = clock::of_procfs(start_ticks(pid)?.checked_mul(TICK_NS)?);
        if start_boot_ns < self.killed.boot_ns {
            return None;
        }
        let comm = comm(pid).filter(|comm| *comm == self.killed.comm)?;
        Some(Restarted { pid, comm, start_boot_ns })
    }
}
