//! Closes incidents. Every incident ends and records how it was closed.

use oomtrace_common::limits::EMPTY_PASSES_EVERY_NS;

use super::{Assembler, Step, ballot, call_trace, memory_state};
use crate::{
    cgroup,
    incident::{ClosedBy, Incident, Role, Victim},
};

/// Time after its last event for which an incident with a kill stays open until its victims exit, ns of event time.
/// The reaper begins 2 s after the kill and tries for one second.
pub const KILL_TIMEOUT_NS: u64 = 5_000_000_000;

/// Maximum time of a pass. The kernel prints a report during the pass, possibly on a slow serial line.
/// This limit applies only while no later pass has begun, because passes do not overlap.
pub const PASS_TIMEOUT_NS: u64 = 60_000_000_000;

/// Time for which the first report of a decision waits for the facts from procfs, on the tracepoint tier.
pub const LOOK_UP_NS: u64 = 1_000_000;

/// Time after the last empty pass at which a run of empty passes is over.
pub const EMPTY_TIMEOUT_NS: u64 = 3_000_000_000;

/// Maximum time between two reports of a run of empty passes that continues.
pub const EMPTY_AGE_MAX_NS: u64 = 60_000_000_000;

/// Time after the last known empty pass for which the kernel side's count of empty passes is awaited.
/// The count arrives when a run has been quiet for a little longer than the time for which the kernel side holds the count
/// back.
pub const COUNT_NS: u64 = 2 * EMPTY_PASSES_EVERY_NS;

/// Marks and kills by one thread within this time belong to one decision, on the tracepoint tier.
pub const GROUP_WINDOW_NS: u64 = 100_000_000;

/// Time after its last event for which an incident waits for the names in its stack while the kernel's list of symbols is being read.
/// Frames in the ring buffer go first, so that this takes longest in a storm on a slow machine.
const NAMES_NS: u64 = 6_000_000_000;

/// Time after its last event for which an incident waits for names of functions in user space that a thread is reading. A machine
/// without memory has to read the executable again, and a file system may never answer.
const FUNCTIONS_NS: u64 = 2_000_000_000;

/// Maximum time between the exit of an init process and the first kill in its pid namespace.
/// Since 6.16, the init's memory is released in between. The reaper helps with that from 2 s after the kill.
pub const PID_NAMESPACE_NS: u64 = 3_000_000_000;

impl Assembler {
    /// Time at which event time alone would close an incident, `CLOCK_BOOTTIME` ns.
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

    /// Latest time at which a decision that is known from its marks alone is reported.
    pub(super) fn decision_ns(&self, incident: &Incident) -> Option<u64> {
        if incident.pass.is_some() || incident.decided {
            return None;
        }
        if Self::may_grow(incident) {
            return Some(incident.boot_ns.saturating_add(GROUP_WINDOW_NS));
        }
        // Count from the mark. The incident begins with SIGKILL, which may come some time before the mark.
        Some(incident.last_ns.saturating_add(LOOK_UP_NS))
    }

    /// Closes the incidents whose time is over.
    pub(super) fn expire(&mut self, steps: &mut Vec<Step>) {
        while let Some(index) = self.open.iter().position(|incident| self.deadline(incident) <= self.now_ns) {
            let incident = self.open.remove(index);
            let by = if self.is_settled(&incident) { ClosedBy::Kernel } else { ClosedBy::Timeout };
            self.close(incident, by, steps);
        }
    }

    /// Closes the complete incidents.
    pub(super) fn close_settled(&mut self, steps: &mut Vec<Step>) {
        while let Some(index) = self.open.iter().position(|incident| {
            // This runs for every open incident with every event, so the cheapest check comes first.
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

    /// Reports a decision before its aftermath is known.
    pub(super) fn tell_decision(&self, incident: &Incident, steps: &mut Vec<Step>) {
        if !self.ends_only {
            steps.push(Step::Decided(Box::new(self.completed(incident.clone()))));
        }
    }

    /// Closes an incident.
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

    /// Adds the facts that user space read separately from the ring buffer.
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
            facts_ns(incident)
        } else if incident.returned.is_none()
            && incident.lost_frames == 0
            && incident.pass.is_some_and(|pass| pass >= self.newest_pass)
        {
            PASS_TIMEOUT_NS
        } else {
            KILL_TIMEOUT_NS
        }
    }

    /// Whether the incident was observed to its end: the pass returned, and every marked victim has exited.
    pub(super) fn is_settled(&self, incident: &Incident) -> bool {
        if !incident.has_victims() && incident.choice.is_none() {
            return false;
        }
        let returned = incident.returned.is_some() || incident.pass.is_none();
        let gone =
            |victim: &Victim| victim.exit_ns.is_some() || !victim.marked || victim.role == Role::SharedMm;
        returned && (self.blind_to_exits || incident.victims.iter().all(gone))
    }

    /// Whether facts that user space reads are still missing, on the tracepoint tier.
    /// The ring buffer is read first, so the exit of a victim may arrive before these facts if user space is behind. They are
    /// awaited for as long as another mark would be.
    /// In a pass, all facts arrive before the return.
    fn awaits_look_ups(&self, incident: &Incident) -> bool {
        incident.pass.is_none() && (incident.sysctl.is_none() || !self.memory.knows_all_of(incident))
    }

    /// Whether the machine's surroundings or the names of calls in the kernel or in user space are still missing.
    /// They are read last, when the ring buffer is empty, and are awaited only for decisions that have a call trace.
    fn awaits_surroundings(&self, incident: &Incident) -> bool {
        let Some(trace) = &incident.call_trace else { return false };
        (incident.surroundings.is_none() || !trace.has_names() || trace.functions_follow)
            && self.now_ns < incident.last_ns.saturating_add(facts_ns(incident))
    }

    /// Whether more victims may follow: the return is not seen, and a cgroup above the victim is killed as a whole.
    pub(super) fn may_grow(incident: &Incident) -> bool {
        incident.pass.is_none()
            && incident
                .victims
                .first()
                .and_then(|victim| victim.task.memcg)
                .is_none_or(|memcg| cgroup::chain(&incident.memcgs, memcg).into_iter().any(cgroup::is_group))
    }
}

/// Time after its last event for which a settled incident waits for facts that user space reads: for as long as another mark is awaited,
/// or longer for names that will certainly come.
fn facts_ns(incident: &Incident) -> u64 {
    match &incident.call_trace {
        Some(trace) if trace.awaits_names() => NAMES_NS,
        Some(trace) if trace.functions_follow => FUNCTIONS_NS,
        _ => GROUP_WINDOW_NS,
    }
}

/// Time from which only the exits of the victims are awaited.
/// On the tracepoint tier, processes that share the memory get SIGKILL after the mark, and the victim may have exited by
/// then.
/// If empty passes belong to the decision, their count is awaited. A writer of `memory.max` causes passes until the usage
/// fits, so its empty passes are awaited even before the first one is reported.
fn complete_ns(incident: &Incident) -> u64 {
    if incident.pass.is_none() {
        return incident.boot_ns.saturating_add(GROUP_WINDOW_NS);
    }
    let by_writer = incident.request.is_some_and(|request| request.memory_max_write);
    let first = incident.last_ns.saturating_add(EMPTY_PASSES_EVERY_NS);
    let last = incident.last_empty_ns().map(|last_ns| last_ns.saturating_add(COUNT_NS));
    last.unwrap_or(if by_writer { first } else { 0 })
}
