//! Passes that killed no process.

use oomtrace_common::event::{Emptiness, EmptyPasses, OutOfMemory};

use super::{Assembler, Step};
use crate::{
    context::Session,
    incident::{ClosedBy, Incident, Request, Task},
};

/// Time for which a cgroup may look as if it had no process to kill after a kill, ns: the victim no longer counts, but its
/// pages are still charged.
const AFTERMATH_NS: u64 = 1_000_000_000;

impl Assembler {
    /// Takes a run of empty passes, or a new count of a known run.
    /// While a victim dies, the run belongs to its incident. Otherwise the run is an incident of its own: one for each
    /// domain, even if runs of several domains alternate.
    pub(super) fn take_empty(&mut self, passes: &EmptyPasses, steps: &mut Vec<Step>) {
        let domain = domain(passes);
        let dying = [Emptiness::VictimDying, Emptiness::TriggerDying].map(number).contains(&passes.emptiness);
        let lasting = !dying && passes.last_ns.saturating_sub(passes.first_ns) >= AFTERMATH_NS;
        let (counted, once) =
            (self.counted_of(passes), self.session.as_deref().is_some_and(counts_runs_once));
        let killing =
            self.open.iter_mut().rev().find(|incident| incident.has_victims() && incident.domain() == domain);
        if let Some(incident) = killing.filter(|_| !lasting) {
            // A run may continue through several kills in one domain. Passes that an earlier incident counted are not counted
            // again.
            if !incident.has_run(passes) {
                incident.told_before = incident.told_before.saturating_add(counted);
            }
            incident.add_empty(passes);
        } else if dying
            || (!lasting && self.memory.ended_in(domain, passes.first_ns.saturating_sub(AFTERMATH_NS)))
        {
            // The run is the end of an incident that was already reported.
        } else if let Some(incident) = self.open.iter_mut().find(|incident| is_of_run(incident, passes)) {
            if !incident.has_run(passes) {
                let counted = if once { counted } else { 0 };
                incident.told_before = incident.told_before.saturating_add(counted);
            }
            incident.add_empty(passes);
        } else {
            // A run may outlive the kill that its first passes belong to.
            let counted = if once { counted } else { self.memory.reported(passes) };
            self.open_run(domain, passes, counted, steps);
        }
    }

    /// Number of passes of the run that belong to other incidents: reported ones and open ones.
    fn counted_of(&self, passes: &EmptyPasses) -> u64 {
        let open = self.open.iter().filter_map(|incident| incident.count_of(passes)).max();
        self.memory.reported(passes).max(open.unwrap_or(0))
    }

    /// Opens an incident for a new run, or for a run that continues after its report.
    fn open_run(&mut self, domain: Option<u64>, passes: &EmptyPasses, counted: u64, steps: &mut Vec<Step>) {
        if passes.count <= counted {
            return;
        }
        let mut incident = self.new_incident(passes.first_ns, Some(passes.first_ns));
        if self.memory.reported(passes) > 0 {
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

    /// Closes the runs of a domain, because a kill ended the time in which no process could be killed there.
    pub(super) fn end_runs_in(&mut self, domain: Option<u64>, steps: &mut Vec<Step>) {
        let ended = |incident: &Incident| incident.is_empty_run() && incident.domain() == domain;
        while let Some(index) = self.open.iter().position(ended) {
            let incident = self.open.remove(index);
            self.close(incident, ClosedBy::Kernel, steps);
        }
    }
}

/// Whether a new incident leaves out the passes that belong to an incident that is still open.
/// Earlier versions counted these passes twice. Their recordings are still reported that way.
fn counts_runs_once(session: &Session) -> bool {
    session.codes >= 3
}

/// Returns the cgroup that ran out; `None` for the machine.
fn domain(passes: &EmptyPasses) -> Option<u64> {
    (passes.flags & OutOfMemory::MEMCG != 0).then_some(passes.memcg)
}

/// Whether an incident covers passes of this kind.
fn is_of_run(incident: &Incident, passes: &EmptyPasses) -> bool {
    let same_kind = incident.empty.is_some_and(|known| known.emptiness == passes.emptiness);
    incident.is_empty_run() && same_kind && incident.domain() == domain(passes)
}

#[expect(clippy::as_conversions, reason = "the discriminants are the numbers, and `repr(u32)` holds them")]
const fn number(emptiness: Emptiness) -> u32 {
    emptiness as u32
}
