//! Counts the incidents of one recording.

use std::collections::BTreeMap;

use crate::{
    bytes::ByteString,
    explain::Outcome,
    incident::Role,
    report::{Report, Victim},
};

/// Counts by name. The name is `None` for entries without a name.
pub(super) type Counts = BTreeMap<Option<ByteString>, u64>;

/// The counts of the reports added so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub(super) incidents: u64,
    pub(super) no_kill: u64,
    pub(super) incomplete: u64,
    pub(super) victims: u64,
    pub(super) collateral: u64,
    pub(super) victim_had_not_grown: u64,
    pub(super) resident_bytes: u64,
    pub(super) collateral_resident_bytes: u64,
    pub(super) recovery_ns: Vec<u64>,
    pub(super) causes: Counts,
    pub(super) policies: Counts,
    pub(super) comms: Counts,
    pub(super) victim_cgroups: Counts,
    pub(super) cgroups: Counts,
    pub(super) shapes: Counts,
}

impl Tally {
    /// Adds the counts of an incident.
    pub fn add(&mut self, report: &Report) {
        self.incidents += 1;
        self.no_kill += u64::from(report.selection.outcome == Some(Outcome::NoKill));
        self.incomplete += u64::from(!report.status.complete);
        self.recovery_ns.extend(report.recovery_ns());
        count(&mut self.causes, Some(report.cause.code.name().into()));
        count(&mut self.policies, report.selection.policy.map(|policy| policy.name().into()));
        count(&mut self.cgroups, report.domain.cgroup.clone());
        let lead_up = report.lead_up.as_ref();
        count(&mut self.shapes, lead_up.map(|lead_up| lead_up.shape.name().into()));
        self.victim_had_not_grown +=
            u64::from(lead_up.and_then(|lead_up| lead_up.victim_grew) == Some(false));
        report.victims.iter().for_each(|victim| self.add_victim(victim));
    }

    fn add_victim(&mut self, victim: &Victim) {
        let resident = victim.memory.map_or(0, |memory| memory.resident_bytes());
        self.victims += 1;
        self.resident_bytes = self.resident_bytes.saturating_add(resident);
        if victim.role != Role::Chosen {
            self.collateral += 1;
            self.collateral_resident_bytes = self.collateral_resident_bytes.saturating_add(resident);
        }
        count(&mut self.comms, victim.process.comm.clone());
        count(&mut self.victim_cgroups, victim.process.cgroup.clone());
    }
}

fn count(counts: &mut Counts, name: Option<ByteString>) {
    *counts.entry(name).or_default() += 1;
}
