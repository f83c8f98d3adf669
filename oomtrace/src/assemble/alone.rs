//! Decisions for which only the marks are seen (the tracepoint tier).

use std::collections::BTreeMap;

use oomtrace_common::event::{MarkVictim, Memcg, Sigkill};

use super::{
    Assembler, GROUP_WINDOW_NS, Step,
    kill::{target, upsert},
};
use crate::{
    cgroup,
    incident::{Incident, Role, Task},
};

impl Assembler {
    /// Takes a mark outside of a pass.
    /// The kernel marks a victim's threads one by one while the victim dies. The same trigger marks the members of a group
    /// one after the other.
    pub(super) fn take_mark_alone(&mut self, boot_ns: u64, mark: &MarkVictim) {
        let trigger = Task::from(&mark.trigger);
        let mut task = Task::from(&mark.victim);
        if task.pid.is_none() {
            task = self.marked_by_number(&task, &trigger);
        }
        if let Some(incident) = self.open.iter_mut().find(|incident| incident.has_victim(&task)) {
            incident.marks = incident.marks.saturating_add(1);
            incident.last_ns = incident.last_ns.max(boot_ns);
            self.memory.take_memcgs(None);
            return;
        }
        if self.memory.was_victim(&task, boot_ns) {
            self.memory.take_memcgs(None);
            return;
        }
        let sigkill_ns = self.memory.take_kill(task.pid, task.tid).map(|(at, _)| at);
        let levels = self.memory.take_memcgs(None);
        let joined = self.open.iter().rposition(|incident| {
            is_same_decision(incident, &trigger, boot_ns) && may_be_one_group(incident, &task, &levels)
        });
        let incident = match joined.and_then(|index| self.open.get_mut(index)) {
            Some(incident) => incident,
            None => {
                // SIGKILL, and therefore the decision, comes before the mark.
                let incident = self.begun_by(trigger, sigkill_ns.unwrap_or(boot_ns), boot_ns);
                self.open.push(incident);
                let Some(incident) = self.open.last_mut() else { return };
                incident
            }
        };
        let role = if incident.victims.is_empty() { Role::Chosen } else { Role::Group };
        incident.marks = incident.marks.saturating_add(1);
        incident.last_ns = incident.last_ns.max(boot_ns);
        let victim = upsert(incident, &task, role);
        victim.marked = true;
        victim.sigkill_ns = victim.sigkill_ns.or(sigkill_ns);
        for (id, memcg) in levels {
            // Keep the first reading: it is the closest to the decision.
            incident.memcgs.entry(id).or_insert(memcg);
        }
    }

    /// Creates the incident for a task's mark. A kernel worker that is bound to a CPU may be serving a SysRq-f request.
    fn begun_by(&mut self, trigger: Task, decided_ns: u64, marked_ns: u64) -> Incident {
        let mut incident = self.new_incident(decided_ns, None);
        if trigger.is_bound_kworker() {
            incident.requested = self.memory.take_request(marked_ns);
        }
        incident.trigger = Some(trigger);
        incident
    }

    /// Finds the marked task on kernels whose tracepoint reports only a thread's number, as far as other events identify it.
    fn marked_by_number(&self, marked: &Task, trigger: &Task) -> Task {
        if trigger.tid == marked.tid {
            return trigger.clone();
        }
        self.memory.kill_of(marked.tid).map_or_else(|| marked.clone(), |kill: Sigkill| target(&kill))
    }

    /// Reports decisions that are complete.
    /// A decision is reported at once if procfs was read for every process involved, otherwise when the time for that is
    /// over. A group waits for further members.
    pub(super) fn decide_alone(&mut self, steps: &mut Vec<Step>) {
        let mut reported = Vec::new();
        for (index, incident) in self.open.iter().enumerate() {
            let Some(latest) = self.decision_ns(incident) else { continue };
            // The cause may depend on the machine's memory, which arrives right after the mark.
            let complete =
                !Self::may_grow(incident) && incident.machine.is_some() && self.memory.knows_all_of(incident);
            if complete || latest <= self.now_ns {
                reported.push(index);
            }
        }
        for index in reported {
            if let Some(incident) = self.open.get_mut(index) {
                incident.decided = true;
                self.chains.join(incident);
            }
            if let Some(incident) = self.open.get(index) {
                self.tell_decision(incident, steps);
            }
        }
    }

    /// Adds processes that share the victim's memory: they got SIGKILL from the trigger right after the mark and were never
    /// marked.
    pub(super) fn add_sharers(&mut self, incident: &mut Incident) {
        let Some(trigger) = incident.trigger.as_ref().filter(|_| incident.pass.is_none()) else { return };
        // A dying init process kills its whole pid namespace in the same way. Its signals say nothing about shared memory.
        let (Some(tid), false) = (trigger.tid, trigger.ns_pid == Some(1)) else { return };
        let until = incident.boot_ns.saturating_add(GROUP_WINDOW_NS);
        for (at, kill) in self.memory.take_kills_by(tid, incident.boot_ns, until) {
            let victim = upsert(incident, &target(&kill), Role::SharedMm);
            victim.sigkill_ns = victim.sigkill_ns.or(Some(at));
        }
    }
}

/// Whether a mark by this trigger at that time belongs to an incident. One thread marks all members of a group in quick
/// succession.
fn is_same_decision(incident: &Incident, trigger: &Task, boot_ns: u64) -> bool {
    let same_thread = incident
        .trigger
        .as_ref()
        .is_some_and(|known| known.tid == trigger.tid && known.is_same_process(trigger));
    incident.pass.is_none() && same_thread && boot_ns.saturating_sub(incident.last_ns) < GROUP_WINDOW_NS
}

/// Whether a process may have been killed together with an incident's victim, because one cgroup with `memory.oom.group`
/// contains both.
/// Returns true if that is unknown: there is hardly another reason for one thread to mark two processes in quick succession.
fn may_be_one_group(incident: &Incident, task: &Task, levels: &BTreeMap<u64, Memcg>) -> bool {
    let Some(first) = incident.victims.first().and_then(|victim| victim.task.memcg) else { return true };
    let Some(own) = task.memcg else { return true };
    let above = cgroup::chain(&incident.memcgs, first);
    let own = cgroup::chain(if levels.contains_key(&own) { levels } else { &incident.memcgs }, own);
    let shared = |memcg: &&Memcg| own.iter().any(|other| other.id == memcg.id);
    let known = |memcg: &Memcg| memcg.hierarchy != 0 || memcg.present & Memcg::OOM_GROUP != 0;
    let mut common = above.into_iter().filter(shared).peekable();
    common.peek().is_none() || common.any(|memcg| cgroup::is_group(memcg) || !known(memcg))
}
