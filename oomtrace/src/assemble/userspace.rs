//! Signals from user space. The signals that one sender sends in a row are one burst.
//! A burst is reported if memory was short at that moment, or if it follows a kill by the kernel. Other bursts are ignored.

use oomtrace_common::{
    event::{Sigkill, UserKills},
    limits::{
        SIGTERM_WAIT_NS, USER_KILL_BURST_NS, USER_KILL_LONG_COUNT_NS, USER_KILL_LONG_NS, USER_KILL_PAUSE_NS,
        USER_KILLS, write_pause_ns,
    },
};

use super::{Assembler, GROUP_WINDOW_NS, Step, escalation, kill::target};
use crate::{
    context::Pressure,
    incident::{ClosedBy, Incident, Method, Role, SIGKILL, SIGTERM, Task, UserKill, Victim},
};

/// Maximum length of a burst if the kernel side does not count the signals, ns.
/// If it does, only the first signals have frames, and only a pause ends the burst.
const BURST_AGE_MAX_NS: u64 = 1_000_000_000;

/// Maximum pause in one cgroup after which further kills still belong to the same act, ns. The act is reported earlier.
pub(super) const PAUSE_NS: u64 = USER_KILL_PAUSE_NS;

/// Age from which a shorter pause ends an act, as it does elsewhere, ns. A sender that kills in one cgroup continuously is
/// therefore reported once a minute.
const PAUSED_AGE_MAX_NS: u64 = 60_000_000_000;

/// The same for writes to `cgroup.kill`, ns. One write is one act, and tens of thousands of processes can take more than a minute to
/// die on a slow machine.
const WRITE_AGE_MAX_NS: u64 = 600_000_000_000;

/// Time after a kill by the kernel within which a kill in the same cgroup counts as a reaction, ns.
/// A container runtime or a supervisor kills the remaining processes.
pub(super) const REACTION_NS: u64 = 1_000_000_000;

/// Maximum number of senders at a time. A further sender ends the oldest burst.
const BURSTS: usize = 64;

impl Assembler {
    /// Takes a SIGKILL from user space.
    /// Three kinds of signals are ignored: a signal that was not delivered, a signal that a process sends to itself, and a
    /// signal that is sent when a parent exits (`PR_SET_PDEATHSIG`).
    pub(super) fn take_user_kill(&mut self, boot_ns: u64, kill: &Sigkill, steps: &mut Vec<Step>) {
        let newly_left_out = kill.left_out.saturating_sub(self.user_kills_left_out);
        self.user_kills_left_out = self.user_kills_left_out.max(kill.left_out);
        if self.take_escalation(boot_ns, kill, newly_left_out, steps) {
            return;
        }
        let Some(mut incident) = self.take_burst(boot_ns, kill, SIGKILL) else { return };
        if let Some(user_kill) = &mut incident.user_kill {
            user_kill.left_out = user_kill.left_out.saturating_add(newly_left_out);
        }
        self.keep_burst(incident, steps);
    }

    /// Takes a SIGTERM from user space: one that follows a kill by the kernel, or one by a program whose purpose is to kill.
    pub(super) fn take_sigterm(&mut self, boot_ns: u64, kill: &Sigkill, steps: &mut Vec<Step>) {
        if self.is_told_again(boot_ns, kill) {
            return;
        }
        if let Some(incident) = self.take_burst(boot_ns, kill, SIGTERM) {
            self.keep_burst(incident, steps);
        }
    }

    /// Takes the kernel side's count of an act. Not every signal of an act has a frame.
    pub(super) fn take_user_kills(&mut self, kills: &UserKills) {
        let sender = Task {
            pid: Some(kills.of.sender_pid),
            start_boot_ns: (kills.of.sender_start_ns != 0).then_some(kills.of.sender_start_ns),
            ..Task::default()
        };
        let act = Act {
            sender: &sender,
            signal: kills.of.signal,
            memcg: Some(kills.of.memcg),
            boot_ns: kills.first_ns,
        };
        let joined = self.escalated.count(kills.of.memcg, kills.first_ns);
        let of = |burst: &&mut Incident| act.is_of(burst);
        let Some(burst) = self.bursts.iter_mut().find(of) else { return };
        burst.last_ns = burst.last_ns.max(kills.last_ns);
        if let Some(user_kill) = &mut burst.user_kill {
            user_kill.keep_count(kills.of.memcg, kills.first_ns, kills.count.saturating_sub(joined));
        }
    }

    /// Removes and returns the burst that a signal belongs to, with the signal added.
    fn take_burst(&mut self, boot_ns: u64, kill: &Sigkill, signal: u32) -> Option<Incident> {
        let (sender, target) = (Task::from(&kill.sender), target(kill));
        let arrived = kill.result == 0 && kill.pid != kill.sender_pid;
        if !arrived || sender.is_exiting() || sender.is_kthread() || self.is_kernels_victim(&target, boot_ns)
        {
            return None;
        }
        let act = Act { sender: &sender, signal, memcg: target.memcg, boot_ns };
        let known = self.bursts.iter().position(|burst| act.is_of(burst));
        let mut incident = match known {
            Some(index) => self.bursts.remove(index),
            None => self.begin_burst(boot_ns, kill, signal, sender),
        };
        incident.last_ns = incident.last_ns.max(boot_ns);
        if let Some(user_kill) = &mut incident.user_kill {
            let joined = self.escalated.count(kill.memcg, kill.act_first_ns);
            user_kill.keep_count(kill.memcg, kill.act_first_ns, kill.act_count.saturating_sub(joined));
        }
        for memcg in self.memory.levels_above(target.memcg) {
            // Keep the first reading: it is the closest to the decision.
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
            let sigkill_ns = (signal == SIGKILL).then_some(boot_ns);
            incident.victims.push(Victim { sigkill_ns, ..Victim::new(target, Role::Chosen) });
        }
        Some(incident)
    }

    fn keep_burst(&mut self, incident: Incident, steps: &mut Vec<Step>) {
        self.bursts.push(incident);
        if self.bursts.len() > BURSTS {
            let oldest = self.bursts.remove(0);
            self.end_burst(oldest, ClosedBy::Timeout, steps);
        }
    }

    /// Takes memory pressure, for the burst that it was read for and for later bursts in the same cgroup.
    pub(super) fn take_pressure(&mut self, boot_ns: u64, pressure: Pressure) {
        let unset = self.bursts.iter_mut().filter(|burst| burst.pressure.is_none());
        for burst in
            unset.filter(|burst| burst.victims.iter().any(|victim| victim.task.memcg == Some(pressure.memcg)))
        {
            burst.pressure = Some(pressure.clone());
        }
        self.pressure = Some((boot_ns, pressure));
    }

    /// Time at which the next burst of kills from user space ends at the latest, `CLOCK_BOOTTIME` ns.
    pub(super) fn burst_deadline_ns(&self) -> Option<u64> {
        self.bursts.iter().map(due_ns).min()
    }

    /// Ends the bursts whose time is over.
    pub(super) fn expire_bursts(&mut self, steps: &mut Vec<Step>) {
        while let Some(index) = self.bursts.iter().position(|burst| due_ns(burst) <= self.now_ns) {
            let burst = self.bursts.remove(index);
            if !burst.decided && (may_go_on(&burst) || escalation::is_expected(&burst)) {
                self.decide_burst(burst, steps);
            } else {
                self.end_burst(burst, ClosedBy::Timeout, steps);
            }
        }
    }

    /// Reports a burst that may continue after a pause, if memory was short, and keeps it.
    pub(super) fn decide_burst(&mut self, mut burst: Incident, steps: &mut Vec<Step>) {
        self.join_prekill(&mut burst);
        let mut incident = self.completed(burst.clone());
        if !(self.is_kill_for_memory)(&incident) {
            return self.add_followed(&incident);
        }
        self.chains.join(&mut incident);
        (burst.chain, burst.joined, burst.decided) = (incident.chain.clone(), incident.joined, true);
        self.bursts.push(burst);
        if !self.ends_only {
            steps.push(Step::Decided(Box::new(incident)));
        }
    }

    /// Reports a burst if memory was short. Otherwise adds it to the kill by the kernel that it follows.
    pub(super) fn end_burst(&mut self, mut burst: Incident, by: ClosedBy, steps: &mut Vec<Step>) {
        self.join_prekill(&mut burst);
        let mut incident = self.completed(burst);
        if !incident.decided && !(self.is_kill_for_memory)(&incident) {
            return self.add_followed(&incident);
        }
        self.chains.join(&mut incident);
        if !self.ends_only && !incident.decided {
            steps.push(Step::Decided(Box::new(incident.clone())));
        }
        incident.closed_by = Some(by);
        steps.push(Step::Closed(Box::new(incident)));
    }

    fn begin_burst(&mut self, boot_ns: u64, kill: &Sigkill, signal: u32, sender: Task) -> Incident {
        let memcg = (kill.memcg != 0).then_some(kill.memcg);
        let user_kill = UserKill {
            signal,
            awaits_exit: kill.flags & Sigkill::AWAITS_EXIT != 0,
            code: (kill.origin == Sigkill::FROM_SIGINFO).then_some(kill.code),
            method: Method::of(kill),
            after_kernel_kill_ns: self.since_kernel_kill(boot_ns, memcg),
            follows: self.followed_by(boot_ns, memcg),
            ..UserKill::default()
        };
        let levels = self.memory.levels_above(sender.memcg);
        Incident {
            session: self.session.clone(),
            boot_ns,
            trigger: Some(sender),
            user_kill: Some(user_kill),
            memcgs: levels.into_iter().map(|memcg| (memcg.id, memcg)).collect(),
            ..Incident::default()
        }
    }

    /// Whether the kernel already killed or marked a process.
    fn is_kernels_victim(&self, task: &Task, now_ns: u64) -> bool {
        self.open.iter().any(|incident| incident.has_victim(task)) || self.memory.was_victim(task, now_ns)
    }

    /// Time since the kernel killed in a cgroup, or for the limit of a cgroup above it, if that was recent.
    fn since_kernel_kill(&self, now_ns: u64, memcg: Option<u64>) -> Option<u64> {
        let above = self.levels_of(memcg)?;
        let open =
            self.open.iter().filter(|incident| is_near(incident, &above)).map(|incident| incident.last_ns);
        let past = self.memory.past_victims().filter(|past| is_same(&past.task, past.domain, &above));
        let past = past.map(|past| past.ended_ns);
        open.chain(past).map(|at| now_ns.saturating_sub(at)).filter(|ns| *ns < REACTION_NS).min()
    }

    /// Returns the latest unfinished decision of the kernel in a cgroup, or for the limit of a cgroup above it.
    fn followed_by(&self, now_ns: u64, memcg: Option<u64>) -> Option<(u64, Option<u64>)> {
        let above = self.levels_of(memcg)?;
        let open = self.awaited.iter().chain(&self.open).filter(|incident| {
            is_near(incident, &above) && now_ns.saturating_sub(incident.last_ns) < REACTION_NS
        });
        open.max_by_key(|incident| incident.boot_ns).map(|incident| (incident.boot_ns, incident.pass))
    }

    /// Returns a cgroup and the cgroups above it.
    pub(super) fn levels_of(&self, memcg: Option<u64>) -> Option<Vec<u64>> {
        let leaf = memcg?;
        let levels = self.memory.levels_above(memcg);
        Some(std::iter::once(leaf).chain(levels.iter().map(|level| level.id)).collect())
    }
}

/// Whether the kernel killed in a cgroup, or for the limit of a cgroup above it. The cgroup itself is first in `above`.
fn is_near(incident: &Incident, above: &[u64]) -> bool {
    incident.victims.iter().any(|victim| is_same(&victim.task, incident.domain(), above))
}

fn is_same(victim: &Task, domain: Option<u64>, above: &[u64]) -> bool {
    let same_cgroup = victim.memcg.is_some() && victim.memcg == above.first().copied();
    same_cgroup || domain.is_some_and(|domain| above.contains(&domain))
}

/// A signal, or the kernel side's count of several signals.
struct Act<'a> {
    sender: &'a Task,
    signal: u32,
    memcg: Option<u64>,
    boot_ns: u64,
}

impl Act<'_> {
    /// Whether the act belongs to a burst: the same process sends the same signal soon after the last one.
    /// In a cgroup that the burst has already reached, the pause may be longer.
    fn is_of(&self, burst: &Incident) -> bool {
        let same_signal = burst.user_kill.as_ref().is_some_and(|kill| kill.signal == self.signal);
        let same = burst.trigger.as_ref().is_some_and(|known| known.is_same_process(self.sender));
        let targets = || burst.victims.iter().map(|victim| victim.task.memcg);
        let goes_on =
            || burst.decided && self.boot_ns < paused_ns(burst) && targets().any(|memcg| memcg == self.memcg);
        same_signal && same && (self.boot_ns < quiet_ns(burst) || goes_on())
    }
}

/// Time at which a burst is reported or ended.
fn due_ns(burst: &Incident) -> u64 {
    match (burst.decided, may_go_on(burst)) {
        (true, _) if escalation::is_expected(burst) => burst.last_ns.saturating_add(SIGTERM_WAIT_NS),
        (true, true) => paused_ns(burst),
        _ => quiet_ns(burst),
    }
}

/// Time until which a burst that was reported may continue.
fn paused_ns(burst: &Incident) -> u64 {
    if may_go_on(burst) { burst.last_ns.saturating_add(longest_pause_ns(burst)) } else { quiet_ns(burst) }
}

/// Time at which a burst has been quiet for long enough to be reported.
fn quiet_ns(burst: &Incident) -> u64 {
    let age_max = if is_counted(burst) { u64::MAX } else { BURST_AGE_MAX_NS };
    // The kernel side sends the count of a long act less often.
    // The last count before that may be as old as the longest pause between two signals.
    let age_ns = burst.last_ns.saturating_sub(first_ns(burst)) + USER_KILL_BURST_NS;
    let is_long = is_counted(burst) && age_ns >= USER_KILL_LONG_NS;
    let follows = burst.user_kill.as_ref().is_some_and(|kill| kill.follows.is_some());
    let pause_ns = match (is_long, follows && is_counted(burst) && is_write(burst)) {
        // It has no line of its own, so it can wait until it is over.
        (_, true) => longest_pause_ns(burst),
        (true, false) => USER_KILL_LONG_COUNT_NS + GROUP_WINDOW_NS,
        (false, false) => GROUP_WINDOW_NS,
    };
    let quiet = burst.last_ns.saturating_add(pause_ns);
    quiet.min(burst.boot_ns.saturating_add(age_max))
}

/// Time of the first signal. It may have no frame.
fn first_ns(burst: &Incident) -> u64 {
    let counts = burst.user_kill.iter().flat_map(|kill| kill.counts.keys());
    counts.map(|(_, first_ns)| *first_ns).fold(burst.boot_ns, u64::min)
}

/// Whether the sender may continue after a pause. Recordings of versions that did not count acts are reported as before.
fn may_go_on(burst: &Incident) -> bool {
    let age_max = if is_write(burst) { WRITE_AGE_MAX_NS } else { PAUSED_AGE_MAX_NS };
    is_counted(burst) && burst.last_ns.saturating_sub(burst.boot_ns) < age_max
}

/// Whether it is a write to `cgroup.kill`.
fn is_write(burst: &Incident) -> bool {
    burst.user_kill.as_ref().and_then(|kill| kill.method) == Some(Method::CgroupKill)
}

/// The longest pause between two signals.
fn longest_pause_ns(burst: &Incident) -> u64 {
    let counts = burst.user_kill.iter().flat_map(|kill| kill.counts.values());
    if is_write(burst) { write_pause_ns(counts.sum()) } else { PAUSE_NS }
}

fn is_counted(burst: &Incident) -> bool {
    burst.user_kill.as_ref().is_some_and(|kill| !kill.counts.is_empty())
}
