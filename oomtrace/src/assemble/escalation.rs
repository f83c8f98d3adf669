//! Programs whose purpose is to kill may begin with SIGTERM. The act is over when the processes have exited, and a SIGKILL by the same
//! sender belongs to it.

use std::collections::VecDeque;

use oomtrace_common::event::Sigkill;

use super::{Assembler, Step, kill::target};
use crate::incident::{Incident, Task, UserKill, Victim};

/// Maximum number of acts that are remembered.
const ACTS: usize = 64;

/// For each act of SIGKILLs, by cgroup and time of its first signal, the number of signals that belong to earlier SIGTERMs. The kernel
/// side's count of the act includes them.
#[derive(Debug, Default)]
pub(super) struct Escalated(VecDeque<((u64, u64), u64)>);

impl Escalated {
    /// The number of such signals in an act.
    pub(super) fn count(&self, memcg: u64, first_ns: u64) -> u64 {
        self.0.iter().find(|(act, _)| *act == (memcg, first_ns)).map_or(0, |(_, count)| *count)
    }

    fn add(&mut self, memcg: u64, first_ns: u64) {
        if let Some((_, count)) = self.0.iter_mut().find(|(act, _)| *act == (memcg, first_ns)) {
            *count = count.saturating_add(1);
            return;
        }
        if self.0.len() >= ACTS {
            self.0.pop_front();
        }
        self.0.push_back(((memcg, first_ns), 1));
    }
}

impl Assembler {
    /// Takes a SIGKILL for a process that the same sender told to exit because memory was short, and returns whether it is one.
    /// `left_out` signals before it have neither a frame nor a count.
    pub(super) fn take_escalation(
        &mut self,
        boot_ns: u64,
        kill: &Sigkill,
        left_out: u64,
        steps: &mut Vec<Step>,
    ) -> bool {
        let is_it = told_by(kill);
        if kill.result != 0 || !self.decide_sooner(&is_it, steps) {
            return false;
        }
        let Some(burst) = self.bursts.iter_mut().find(|burst| is_it(burst)) else { return false };
        burst.last_ns = burst.last_ns.max(boot_ns);
        if let Some(user_kill) = &mut burst.user_kill {
            user_kill.left_out = user_kill.left_out.saturating_add(left_out);
        }
        if let Some(victim) = burst.victim_mut(&target(kill)) {
            victim.sigkill_ns = victim.sigkill_ns.or(Some(boot_ns));
        }
        self.escalated.add(kill.memcg, kill.act_first_ns);
        true
    }

    /// Whether the same sender told this process before to exit, and it has not. The act then goes on.
    pub(super) fn is_told_again(&mut self, boot_ns: u64, kill: &Sigkill) -> bool {
        let is_it = told_by(kill);
        let Some(burst) = self.bursts.iter_mut().find(|burst| burst.decided && is_it(burst)) else {
            return false;
        };
        burst.last_ns = burst.last_ns.max(boot_ns);
        true
    }

    /// Decides the first such burst if it is not decided yet, and returns whether there is one that is reported. One that is not for
    /// memory stays as it is.
    fn decide_sooner(&mut self, is_it: impl Fn(&Incident) -> bool, steps: &mut Vec<Step>) -> bool {
        let Some(index) = self.bursts.iter().position(is_it) else { return false };
        if self.bursts.get(index).is_some_and(|burst| burst.decided) {
            return true;
        }
        let burst = self.bursts.remove(index);
        if (self.is_kill_for_memory)(&self.completed(burst.clone())) {
            self.decide_burst(burst, steps);
            return true;
        }
        self.bursts.insert(index, burst);
        false
    }

    /// Takes the exit of a process that got SIGTERM.
    pub(super) fn take_exit_after_sigterm(&mut self, boot_ns: u64, task: &Task) {
        for burst in self.bursts.iter_mut().filter(|burst| is_sigterm(burst)) {
            if let Some(victim) = burst.victim_mut(task).filter(|victim| victim.exit_ns.is_none()) {
                victim.exit_ns = Some(boot_ns);
            }
        }
    }
}

/// Whether processes that got SIGTERM have not exited yet. Their sender may send SIGKILL.
pub(super) fn is_expected(burst: &Incident) -> bool {
    is_sigterm(burst) && burst.victims.iter().any(|victim| victim.exit_ns.is_none())
}

fn is_sigterm(burst: &Incident) -> bool {
    burst.user_kill.as_ref().is_some_and(UserKill::is_sigterm_of_killer)
}

/// Whether the sender of a signal told its target to exit, and the target has not.
fn told_by(kill: &Sigkill) -> impl Fn(&Incident) -> bool + use<> {
    let (sender, target) = (Task::from(&kill.sender), target(kill));
    move |burst| {
        let same = || burst.trigger.as_ref().is_some_and(|known| known.is_same_process(&sender));
        let is_alive = |victim: &Victim| victim.exit_ns.is_none() && victim.task.is_same_process(&target);
        is_sigterm(burst) && same() && burst.victims.iter().any(is_alive)
    }
}
