//! Closes incidents: every incident ends and records how.

use oomtrace_common::limits::EMPTY_PASSES_EVERY_NS;

use super::{Assembler, Step, ballot, call_trace, memory_state};
use crate::{
    cgroup,
    incident::{ClosedBy, Incident, Role, Victim},
};

/// How long after its last event an incident with a kill is held open for its victims to go, ns of event time. The
/// reaper begins 2 s after the kill and tries for one.
pub const KILL_TIMEOUT_NS: u64 = 5_000_000_000;

/// How long a pass may take: the kernel prints a report inside, on a serial line at the speed of one. Only while no
/// later pass has begun, for there is one at a time.
pub const PASS_TIMEOUT_NS: u64 = 60_000_000_000;

/// How long the first word of a decision waits for what procfs says of those involved, on the tracepoint tier.
pub const LOOK_UP_NS: u64 = 1_000_000;

/// How long after the last empty pass a run of them is over.
pub const EMPTY_TIMEOUT_NS: u64 = 3_000_000_000;

/// A run of empty passes is told at least this often, however long it goes on.
pub const EMPTY_AGE_MAX_NS: u64 = 60_000_000_000;

/// How long after the last empty pass that is known of the kernel's count of them is awaited: it comes when a run has been
/// quiet for a little longer than the kernel side holds it back.
pub const COUNT_NS: u64 = 2 * EMPTY_PASSES_EVERY_NS;

/// Marks and kills by one thread within this time are one decision, on the tracepoint tier.
pub const GROUP_WINDOW_NS: u64 = 100_000_000;

/// How long after its exit an init's pid namespace may take to begin to go: from 6.16 on its memory is released in
/// between, with the reaper's help from 2 s after the kill on.
pub const PID_NAMESPACE_NS: u64 = 3_000_000_000;

impl Assembler {
    /// When event time alone would close something, `CLOCK_BOOTTIME` ns.
    #[must_use]
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.open
            .iter()
            .flat_map(|incident| [Some(self.deadline(incident)), self.decision_ns(incident)])
            .flatten()
            .chain(self.burst_deadline_ns())
            .chain(self.awaited_deadline_ns())
            .min()
    }

    /// When a decision that is known from its marks alone is told at the latest.
    pub(super) fn decision_ns(&self, incident: &Incident) -> Option<u64> {
        if incident.pass.is_some() || incident.decided {
            return None;
        }
        if Self::may_grow(incident) {
            return Some(incident.boot_ns.saturating_add(GROUP_WINDOW_NS));
        }
        // From the mark on: SIGKILL, with which the incident begins, may come a while before it.
        Some(incident.last_ns.saturating_add(LOOK_UP_NS))
    }

    /// Closes what has had its time.
    pub(super) fn expire(&mut self, steps: &mut Vec<Step>) {
        while let Some(index) = self.open.iter().position(|incident| self.deadline(incident) <= self.now_ns) {
            let incident = self.open.remove(index);
            let by = if self.is_settled(&incident) { ClosedBy::Kernel } else { ClosedBy::Timeout };
            self.close(incident, by, steps);
        }
    }

    /// Closes what is complete.
    pub(super) fn close_settled(&mut self, steps: &mut Vec<Step>) {
        while let Some(index) = self.open.iter().position(|incident| {
            // What is asked of every open incident with every event: the cheapest first.
            complete_ns(incident) <= self.now_ns
                && self.is_settled(incident)
                && !self.may_take_namespace_along(incident)
                && !self.awaits_look_ups(incident)
                && !self.awaits_surroundings(incident)
                && !Self::may_grow(incident)
        }) {
            let incident = self.open.remove(index);
            self.close(incident, ClosedBy::Kernel, steps);
        }
    }

    /// Tells a decision, whose aftermath is to come.
    pub(super) fn tell_decision(&self, incident: &Incident, steps: &mut Vec<Step>) {
        if !self.ends_alone {
            steps.push(Step::Decided(Box::new(self.completed(incident.clone()))));
        }
    }

    /// Ends an incident.
    pub(super) fn close(&mut self, mut incident: Incident, by: ClosedBy, steps: &mut Vec<Step>) {
        self.add_sharers(&mut incident);
        self.chains.join(&mut incident);
        incident.closed_by = Some(by);
        self.memory.keep_victims(&incident);
        self.memory.keep_run(&incident);
        incident.repeats = self.memory.repeats_of(&incident);
        self.memory.keep_repeat(&incident);
        self.end(incident, steps);
    }

    /// Adds what was looked up beside the ring.
    pub(super) fn completed(&self, mut incident: Incident) -> Incident {
        let known = self.memory.processes_of(&incident);
        incident.processes.extend(known);
        incident.cgroups.extend(self.memory.cgroups_of(&incident));
        incident.names = self.memory.names();
        incident.repeats = incident.repeats.or_else(|| self.memory.repeats_of(&incident));
        incident.sysctl = incident.sysctl.or(self.sysctl);
        ballot::complete(&mut incident);
        memory_state::complete(&mut incident);
        call_trace::complete(&mut incident);
        incident
    }

    fn deadline(&self, incident: &Incident) -> u64 {
        if incident.has_victims() || incident.choice.is_some() {
            return incident.last_ns.saturating_add(self.patience(incident)).max(complete_ns(incident));
        }
        let quiet = incident.last_ns.saturating_add(EMPTY_TIMEOUT_NS);
        quiet.min(incident.boot_ns.saturating_add(EMPTY_AGE_MAX_NS))
    }

    fn patience(&self, incident: &Incident) -> u64 {
        let namespace_goes = incident.victims.iter().any(|victim| victim.role == Role::PidNamespace);
        if self.is_settled(incident) && !namespace_goes && self.may_take_namespace_along(incident) {
            PID_NAMESPACE_NS
        } else if self.is_settled(incident) {
            GROUP_WINDOW_NS
        } else if incident.returned.is_none()
            && incident.lost_frames == 0
            && incident.pass.is_some_and(|pass| pass >= self.newest_pass)
        {
            PASS_TIMEOUT_NS
        } else {
            KILL_TIMEOUT_NS
        }
    }

    /// Whether everything was seen to its end: the pass returned, and every victim that was marked has exited.
    pub(super) fn is_settled(&self, incident: &Incident) -> bool {
        if !incident.has_victims() && incident.choice.is_none() {
            return false;
        }
        let returned = incident.returned.is_some() || incident.pass.is_none();
        let gone =
            |victim: &Victim| victim.exit_ns.is_some() || !victim.marked || victim.role == Role::SharedMm;
        returned && (self.blind_to_exits || incident.victims.iter().all(gone))
    }

    /// Whether something that was to be looked up has not come yet, on the tracepoint tier: the ring is read first, so that a
    /// victim's exit overtakes it where user space is behind. It is awaited for as long as another mark would be. In a pass
    /// everything comes before its return.
    fn awaits_look_ups(&self, incident: &Incident) -> bool {
        incident.pass.is_none() && (incident.sysctl.is_none() || !self.memory.knows_all_of(incident))
    }

    /// Whether the machine's surroundings or the names of calls are still to come, which are read last: once the ring has been
    /// empty. They are awaited for as long as another mark would be, and of a decision alone of which there is something to
    /// look up.
    fn awaits_surroundings(&self, incident: &Incident) -> bool {
        let Some(trace) = &incident.call_trace else { return false };
        (incident.surroundings.is_none() || !trace.has_names())
            && self.now_ns < incident.last_ns.saturating_add(GROUP_WINDOW_NS)
    }

    /// Whether more victims may follow: where no return is seen, and a cgroup above the victim is killed as a whole.
    pub(super) fn may_grow(incident: &Incident) -> bool {
        incident.pass.is_none()
            && incident
                .victims
                .first()
                .and_then(|victim| victim.task.memcg)
                .is_none_or(|memcg| cgroup::chain(&incident.memcgs, memcg).into_iter().any(cgroup::is_group))
    }
}

/// When nothing more is to come of a decision than the end of its victims: on the tracepoint tier those who share the memory
/// get their SIGKILL after the mark, by when the victim may have gone; where empty passes belong to it, their count. A writer
/// of `memory.max` asks again at once and until the usage fits, so that its passes are awaited even where none was told yet.
fn complete_ns(incident: &Incident) -> u64 {
    if incident.pass.is_none() {
        return incident.boot_ns.saturating_add(GROUP_WINDOW_NS);
    }
    let by_writer = incident.request.is_some_and(|request| request.memory_max_write);
    let first = incident.last_ns.saturating_add(EMPTY_PASSES_EVERY_NS);
    let last = incident.last_empty_ns().map(|last_ns| last_ns.saturating_add(COUNT_NS));
    last.unwrap_or(if by_writer { first } else { 0 })
}
