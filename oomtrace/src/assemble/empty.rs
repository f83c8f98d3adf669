//! Passes that killed no process.

use oomtrace_common::event::{Emptiness, EmptyPasses, OutOfMemory};

use super::{Assembler, Step};
use crate::{
    context::Session,
    incident::{ClosedBy, Incident, Request, Task},
};

/// How long the end of a kill may look like a cgroup with nothing to kill, ns: the victim no longer counts, and its
/// pages are still charged.
const AFTERMATH_NS: u64 = 1_000_000_000;

impl Assembler {
    /// A run of them, or its count again. While a victim dies they belong to its incident; what they could not kill is an
    /// incident of its own, one for each domain however often runs of several domains alternate.
    pub(super) fn take_empty(&mut self, passes: &EmptyPasses, steps: &mut Vec<Step>) {
        let domain = domain(passes);
        let dying = [Emptiness::VictimDying, Emptiness::TriggerDying].map(number).contains(&passes.emptiness);
        let lasting = !dying && passes.last_ns.saturating_sub(passes.first_ns) >= AFTERMATH_NS;
        let (counted, once) =
            (self.counted_of(passes), self.session.as_deref().is_some_and(counts_runs_once));
        let killing =
            self.open.iter_mut().rev().find(|incident| incident.has_victims() && incident.domain() == domain);
        if let Some(incident) = killing.filter(|_| !lasting) {
            // A run goes on through several kills in one domain; what an earlier incident counted is not counted again.
            if !incident.has_run(passes) {
                incident.told_before = incident.told_before.saturating_add(counted);
            }
            incident.add_empty(passes);
        } else if dying
            || (!lasting && self.memory.ended_in(domain, passes.first_ns.saturating_sub(AFTERMATH_NS)))
        {
            // The end of an incident that was told already.
        } else if let Some(incident) = self.open.iter_mut().find(|incident| is_of_run(incident, passes)) {
            if !incident.has_run(passes) {
                let counted = if once { counted } else { 0 };
                incident.told_before = incident.told_before.saturating_add(counted);
            }
            incident.add_empty(passes);
        } else {
            // A run may outlive the kill that its first passes belong to.
            let counted = if once { counted } else { self.memory.told_of(passes) };
            self.open_run(domain, passes, counted, steps);
        }
    }

    /// How many passes of that run belong to other incidents: those that were reported, and those that are still open.
    fn counted_of(&self, passes: &EmptyPasses) -> u64 {
        let open = self.open.iter().filter_map(|incident| incident.count_of(passes)).max();
        self.memory.told_of(passes).max(open.unwrap_or(0))
    }

    /// A run that is told for the first time, or goes on after a report of it.
    fn open_run(&mut self, domain: Option<u64>, passes: &EmptyPasses, counted: u64, steps: &mut Vec<Step>) {
        if passes.count <= counted {
            return;
        }
        let mut incident = self.new_incident(passes.first_ns, Some(passes.first_ns));
        if self.memory.told_of(passes) > 0 {
            incident.boot_ns = passes.last_ns;
        }
        incident.last_ns = passes.last_ns;
        incident.told_before = counted;
        incident.trigger = Some(Task { pid: Some(passes.pid), tid: Some(passes.tid), ..Task::default() });
        incident.request = Some(Request {
            memcg: domain,
            zonelist: passes.flags & OutOfMemory::ZONELIST != 0,
            memory_max_write: passes.flags & OutOfMemory::MEMORY_MAX_WRITE != 0,
            gfp_mask: passes.gfp_mask,
            order: passes.order,
        });
        incident.sysctl = self.sysctl;
        incident.empty = Some(*passes);
        incident.decided = true;
        self.tell_decision(&incident, steps);
        self.open.push(incident);
    }

    /// A kill ends the time in which nothing could be killed there.
    pub(super) fn end_runs_in(&mut self, domain: Option<u64>, steps: &mut Vec<Step>) {
        let ended = |incident: &Incident| incident.is_empty_run() && incident.domain() == domain;
        while let Some(index) = self.open.iter().position(ended) {
            let incident = self.open.remove(index);
            self.close(incident, ClosedBy::Kernel, steps);
        }
    }
}

/// Whether passes that belong to an incident that is still open are left out of the next one. The reports of earlier versions have them twice, and stay as
/// they were.
fn counts_runs_once(session: &Session) -> bool {
    session.codes >= 3
}

/// The cgroup that ran out; `None` for the machine.
fn domain(passes: &EmptyPasses) -> Option<u64> {
    (passes.flags & OutOfMemory::MEMCG != 0).then_some(passes.memcg)
}

/// Whether an incident tells of passes like these.
fn is_of_run(incident: &Incident, passes: &EmptyPasses) -> bool {
    let same_kind = incident.empty.is_some_and(|known| known.emptiness == passes.emptiness);
    incident.is_empty_run() && same_kind && incident.domain() == domain(passes)
}

#[expect(clippy::as_conversions, reason = "the discriminants are the numbers, and `repr(u32)` holds them")]
const fn number(emptiness: Emptiness) -> u32 {
    emptiness as u32
}
