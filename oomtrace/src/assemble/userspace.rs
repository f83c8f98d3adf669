//! SIGKILL from user space. Kills by one sender in a row are one story; it is told if memory was short at that moment,
//! and otherwise none of our business.

use oomtrace_common::{
    event::Sigkill,
    limits::{USER_KILL_BURST_NS, USER_KILLS},
};

use super::{Assembler, GROUP_WINDOW_NS, Step, kill::target};
use crate::{
    context::Pressure,
    incident::{ClosedBy, Incident, Role, Task, UserKill, Victim},
};

/// Kills by one sender go on being one story for at most so long, ns.
const BURST_AGE_MAX_NS: u64 = 1_000_000_000;

/// How long after a kill by the kernel another one in the same cgroup is taken for a reaction to it, ns: a container
/// runtime or a supervisor takes down what is left.
const REACTION_NS: u64 = 1_000_000_000;

/// Senders at a time. Further ones end the oldest story.
const BURSTS: usize = 64;

impl Assembler {
    /// A SIGKILL from user space. What did not arrive, what a process does to itself, and what is sent for a parent that
    /// exits (`PR_SET_PDEATHSIG`) has no reason that could be looked for.
    pub(super) fn take_user_kill(&mut self, boot_ns: u64, kill: &Sigkill, steps: &mut Vec<Step>) {
        let (sender, target) = (Task::from(&kill.sender), target(kill));
        let arrived = kill.result == 0 && kill.pid != kill.sender_pid;
        let newly_left_out = kill.left_out.saturating_sub(self.user_kills_left_out);
        self.user_kills_left_out = self.user_kills_left_out.max(kill.left_out);
        if !arrived || sender.is_exiting() || sender.is_kthread() || self.is_kernels_victim(&target, boot_ns)
        {
            return;
        }
        let mut incident = match self.bursts.iter().position(|burst| is_of_burst(burst, &sender, boot_ns)) {
            Some(index) => self.bursts.remove(index),
            None => self.begin_burst(boot_ns, kill, sender),
        };
        incident.last_ns = incident.last_ns.max(boot_ns);
        if let Some(user_kill) = &mut incident.user_kill {
            user_kill.left_out = user_kill.left_out.saturating_add(newly_left_out);
        }
        for memcg in self.memory.levels_above(target.memcg) {
            // The first reading is nearest to the decision.
            incident.memcgs.entry(memcg.id).or_insert(memcg);
        }
        if incident.pressure.is_none() {
            let fits = |(at, pressure): &&(u64, Pressure)| {
                Some(pressure.memcg) == target.memcg && boot_ns.abs_diff(*at) < USER_KILL_BURST_NS
            };
            incident.pressure = self.pressure.as_ref().filter(fits).map(|(_, pressure)| pressure.clone());
        }
        let full = incident.victims.len() >= usize::try_from(USER_KILLS).unwrap_or(usize::MAX);
        if !full && !incident.has_victim(&target) {
            incident.victims.push(Victim { sigkill_ns: Some(boot_ns), ..Victim::new(target, Role::Chosen) });
        }
        self.bursts.push(incident);
        if self.bursts.len() > BURSTS {
            let oldest = self.bursts.remove(0);
            self.end_burst(oldest, ClosedBy::Timeout, steps);
        }
    }

    /// How short memory was: of the burst that it was looked up for, and of those that follow in the same cgroup.
    pub(super) fn take_pressure(&mut self, boot_ns: u64, pressure: Pressure) {
        let unset = self.bursts.iter_mut().filter(|burst| burst.pressure.is_none());
        for burst in
            unset.filter(|burst| burst.victims.iter().any(|victim| victim.task.memcg == Some(pressure.memcg)))
        {
            burst.pressure = Some(pressure.clone());
        }
        self.pressure = Some((boot_ns, pressure));
    }

    /// When a story of kills from user space ends at the latest, `CLOCK_BOOTTIME` ns.
    pub(super) fn burst_deadline_ns(&self) -> Option<u64> {
        self.bursts.iter().map(burst_end_ns).min()
    }

    /// Ends those that have had their time.
    pub(super) fn expire_bursts(&mut self, steps: &mut Vec<Step>) {
        while let Some(index) = self.bursts.iter().position(|burst| burst_end_ns(burst) <= self.now_ns) {
            let burst = self.bursts.remove(index);
            self.end_burst(burst, ClosedBy::Timeout, steps);
        }
    }

    /// Tells it, if memory was short.
    pub(super) fn end_burst(&self, burst: Incident, by: ClosedBy, steps: &mut Vec<Step>) {
        let mut incident = self.completed(burst);
        if !(self.is_kill_for_memory)(&incident) {
            return;
        }
        if !self.ends_alone {
            steps.push(Step::Decided(Box::new(incident.clone())));
        }
        incident.closed_by = Some(by);
        steps.push(Step::Closed(Box::new(incident)));
    }

    fn begin_burst(&mut self, boot_ns: u64, kill: &Sigkill, sender: Task) -> Incident {
        let after_kernel_kill_ns = self.since_kernel_kill(boot_ns, (kill.memcg != 0).then_some(kill.memcg));
        let code = (kill.origin == Sigkill::FROM_SIGINFO).then_some(kill.code);
        let levels = self.memory.levels_above(sender.memcg);
        Incident {
            session: self.session.clone(),
            boot_ns,
            trigger: Some(sender),
            user_kill: Some(UserKill { code, left_out: 0, after_kernel_kill_ns }),
            memcgs: levels.into_iter().map(|memcg| (memcg.id, memcg)).collect(),
            ..Incident::default()
        }
    }

    /// Whether the kernel killed or marked a process already.
    fn is_kernels_victim(&self, task: &Task, now_ns: u64) -> bool {
        self.open.iter().any(|incident| incident.has_victim(task)) || self.memory.was_victim(task, now_ns)
    }

    /// How long ago the kernel killed in a cgroup, or for the limit of one above it, if it did lately.
    fn since_kernel_kill(&self, now_ns: u64, memcg: Option<u64>) -> Option<u64> {
        let leaf = memcg?;
        let mut above: Vec<u64> = self.memory.levels_above(memcg).iter().map(|level| level.id).collect();
        above.push(leaf);
        let same = |task: &Task, domain: Option<u64>| {
            task.memcg == Some(leaf) || domain.is_some_and(|domain| above.contains(&domain))
        };
        let open = self.open.iter().flat_map(|incident| {
            let near = incident.victims.iter().any(|victim| same(&victim.task, incident.domain()));
            near.then_some(incident.last_ns)
        });
        let past =
            self.memory.past_victims().filter(|past| same(&past.task, past.domain)).map(|past| past.ended_ns);
        open.chain(past).map(|at| now_ns.saturating_sub(at)).filter(|ns| *ns < REACTION_NS).min()
    }
}

/// Whether a kill belongs to a burst: by the same process, and soon after the last one.
fn is_of_burst(burst: &Incident, sender: &Task, boot_ns: u64) -> bool {
    let same = burst.trigger.as_ref().is_some_and(|known| known.is_same_process(sender));
    same && boot_ns < burst_end_ns(burst)
}

fn burst_end_ns(burst: &Incident) -> u64 {
    let quiet = burst.last_ns.saturating_add(GROUP_WINDOW_NS);
    quiet.min(burst.boot_ns.saturating_add(BURST_AGE_MAX_NS))
}
