//! Decides which scenarios share a guest.

use std::collections::VecDeque;

use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::scenario::Scenario;

/// The work of one guest.
#[derive(Clone)]
pub(crate) struct Batch {
    /// Number of the kernel in the matrix.
    pub(crate) kernel: usize,
    /// The tracer's tier, if one runs.
    pub(crate) tier: Option<Tier>,
    /// The scenarios in order, all with the same machine.
    pub(crate) scenarios: Vec<Scenario>,
    /// How often they ran before.
    pub(crate) ran: u32,
}

/// One guest for each kernel and tier, and another for each scenario that shares none or needs another machine.
pub(crate) fn batches(kernels: usize, tiers: &[Option<Tier>], scenarios: &[Scenario]) -> VecDeque<Batch> {
    let groups = group(scenarios);
    let cells = (0..kernels).flat_map(|kernel| tiers.iter().map(move |&tier| (kernel, tier)));
    let batch = |(kernel, tier)| {
        groups
            .iter()
            .map(move |group| Batch { kernel, tier, scenarios: group.clone(), ran: 0 })
            .collect::<Vec<_>>()
    };
    cells.flat_map(batch).collect()
}

/// Scenarios that may run in one guest.
fn group(scenarios: &[Scenario]) -> Vec<Vec<Scenario>> {
    let mut groups: Vec<Vec<Scenario>> = Vec::new();
    for scenario in scenarios {
        let shares = |other: &Scenario| !other.alone && !scenario.alone && other.machine == scenario.machine;
        match groups.iter_mut().find(|group| group.iter().all(shares)) {
            Some(group) => group.push(scenario.clone()),
            None => groups.push(vec![scenario.clone()]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use oomtrace_scenarios::scenario;

    use super::{batches, group};

    #[test]
    fn runs_each_scenario_once_and_alone_if_required() {
        let all = scenario::all();
        let groups = group(&all);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), all.len());
        for group in groups {
            assert!(group.len() == 1 || group.iter().all(|s| !s.alone && s.machine == group[0].machine));
        }
    }

    #[test]
    fn runs_every_scenario_on_each_kernel_and_tier() {
        let all = scenario::all();
        let cells: usize = batches(3, &[None, None], &all).iter().map(|b| b.scenarios.len()).sum();
        assert_eq!(cells, 3 * 2 * all.len());
    }
}
