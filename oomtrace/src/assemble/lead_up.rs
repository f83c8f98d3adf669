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
    pub(super) fn take_lead_up(&mut self, pass: Option<u64>, told: LeadUp) {
        if let Some(incident) = self.told_of(pass).filter(|incident| incident.lead_up.is_none()) {
            incident.lead_up = Some(Rc::new(bounded(told)));
        }
    }
}

/// Cuts off data that no tracer sends, so that a damaged recording cannot take unbounded time.
fn bounded(mut told: LeadUp) -> LeadUp {
    told.cgroups.truncate(MOST);
    told.processes.truncate(MOST);
    let memories = told.cgroups.iter_mut().map(|cgroup| &mut cgroup.memory);
    memories.chain(&mut told.machine).for_each(|memory| memory.at_ns.truncate(SAMPLES));
    told.processes.iter_mut().for_each(|process| process.at_ns.truncate(SAMPLES));
    told
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
        let told = bounded(LeadUp { machine, cgroups, processes, ..LeadUp::default() });
        assert_eq!((told.cgroups.len(), told.processes.len()), (MOST, MOST));
        assert_eq!(told.machine.unwrap().at_ns.len(), SAMPLES);
        assert_eq!((told.cgroups[9].memory.at_ns.len(), told.processes[9].at_ns.len()), (SAMPLES, SAMPLES));
    }
}
