//! Decides which scenarios share a guest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::scenario::{Machine, Scenario};
use tempfile::NamedTempFile;

use super::guest::qemu::Snapshot;
use crate::kernels::Kernel;

/// The time limit of a boot, which takes arm64 half a minute and longer beside other guests.
const BOOT: Duration = Duration::from_secs(300);

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
    /// The booted machine, once there is one.
    pub(crate) booted: Booted,
}

/// A machine of one kernel, which the batches that need such a machine share. Empty until one of them has booted it.
pub(crate) type Booted = Arc<Mutex<Option<Arc<Snapshot>>>>;

impl Batch {
    /// The booted machine, which is booted and kept now if it is the first one. `None` if this guest has to boot by itself: no
    /// other batch needs such a machine, another one boots it at this moment, or it would save no time.
    pub(crate) fn booted(
        &self,
        kernel: &Kernel,
        machine: &Machine,
        initramfs: impl FnOnce() -> Result<NamedTempFile>,
    ) -> Result<Option<Arc<Snapshot>>> {
        let is_last = Arc::strong_count(&self.booted) == 1;
        let Ok(mut place) = self.booted.try_lock() else { return Ok(None) };
        if place.is_none() && !is_last && Snapshot::is_worthwhile(kernel, machine) {
            *place = Some(Arc::new(Snapshot::take(kernel, initramfs()?, machine, BOOT)?));
        }
        Ok(place.clone())
    }
}

/// One guest for each kernel and tier, and another for each scenario that shares none or needs another machine.
pub(crate) fn batches(kernels: usize, tiers: &[Option<Tier>], scenarios: &[Scenario]) -> VecDeque<Batch> {
    let groups = group(scenarios);
    (0..kernels).flat_map(|kernel| of_kernel(kernel, tiers, &groups)).collect()
}

/// The batches of one kernel.
fn of_kernel(kernel: usize, tiers: &[Option<Tier>], groups: &[Vec<Scenario>]) -> Vec<Batch> {
    let mut machines: Vec<(Machine, Booted)> = Vec::new();
    let cells = tiers.iter().flat_map(|&tier| groups.iter().map(move |group| (tier, group)));
    let batch = |(tier, group): (Option<Tier>, &Vec<Scenario>)| {
        let booted = booted(&mut machines, group);
        Batch { kernel, tier, scenarios: group.clone(), ran: 0, booted }
    };
    cells.map(batch).collect()
}

/// The shared place for the machine of a group.
fn booted(machines: &mut Vec<(Machine, Booted)>, group: &[Scenario]) -> Booted {
    let machine = group.first().map(|scenario| &scenario.machine).cloned().unwrap_or_default();
    if let Some((_, booted)) = machines.iter().find(|(known, _)| *known == machine) {
        return booted.clone();
    }
    let booted = Booted::default();
    machines.push((machine, booted.clone()));
    booted
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

    use std::sync::Arc;

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

    #[test]
    fn shares_a_booted_machine_among_equal_machines_of_one_kernel_only() {
        let all = batches(2, &[None, None], &scenario::all());
        let machine = |batch: &super::Batch| batch.scenarios[0].machine.clone();
        for one in &all {
            for other in &all {
                let is_equal = one.kernel == other.kernel && machine(one) == machine(other);
                assert_eq!(Arc::ptr_eq(&one.booted, &other.booted), is_equal);
            }
        }
    }
}
