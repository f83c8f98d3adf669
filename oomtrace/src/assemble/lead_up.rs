//! The minutes before a decision, from the tracer's history.

use std::rc::Rc;

use super::Assembler;
use crate::context::LeadUp;

/// Maximum number of cgroups and processes that are kept. A tracer sends no more.
const MOST: usize = 64;

/// Maximum number of samples of each that are kept. A tracer sends no more.
const SAMPLES: usize = 128;

impl Assembler {
    /// Takes the history before the decision of a pass, or before the last mark outside of passes. The first history is kept:
    /// it is the closest to the decision.
    pub(super) fn take_lead_up(&mut self, pass: Option<u64>, lead_up: LeadUp) {
        if let Some(incident) = self.incident_of(pass).filter(|incident| incident.lead_up.is_none()) {
            incident.lead_up = Some(Rc::new(bounded(lead_up)));
        }
    }
}

/// Cuts off data that no tracer sends, so that a damaged recording cannot take unbounded time.
fn bounded(mut lead_up: LeadUp) -> LeadUp {
    lead_up.cgroups.truncate(MOST);
    lead_up.processes.truncate(MOST);
    let memories = lead_up.cgroups.iter_mut().map(|cgroup| &mut cgroup.memory);
    memories.chain(&mut lead_up.machine).for_each(|memory| memory.at_ns.truncate(SAMPLES));
    lead_up.processes.iter_mut().for_each(|process| process.at_ns.truncate(SAMPLES));
    lead_up
}

#[cfg(test)]
mod tests {
    use super::{MOST, SAMPLES, bounded};
    use crate::context::{CgroupHistory, LeadUp, MemoryHistory, ProcessHistory};

    #[test]
    fn truncates_a_history_that_is_too_long() {
        let memory = MemoryHistory { at_ns: vec![1; 1000], ..MemoryHistory::default() };
        let cgroup = CgroupHistory { memory: memory.clone(), ..CgroupHistory::default() };
        let process = ProcessHistory { at_ns: vec![1; 1000], ..ProcessHistory::default() };
        let (machine, cgroups, processes) = (Some(memory), vec![cgroup; 1000], vec![process; 1000]);
        let lead_up = bounded(LeadUp { machine, cgroups, processes, ..LeadUp::default() });
        assert_eq!((lead_up.cgroups.len(), lead_up.processes.len()), (MOST, MOST));
        assert_eq!(lead_up.machine.unwrap().at_ns.len(), SAMPLES);
        assert_eq!(
            (lead_up.cgroups[9].memory.at_ns.len(), lead_up.processes[9].at_ns.len()),
            (SAMPLES, SAMPLES)
        );
    }
}
