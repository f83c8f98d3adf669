//! Compares reports with independent witnesses and names every field in which they disagree.

mod ground;
mod ledger;
mod marks;
mod no_kill;
mod pairing;
mod panic;
mod rank;
mod replay;
mod report;
mod tracer;
mod without_kill;

use std::fmt;

pub use self::panic::{Ending, judge_panic};
use crate::job::Tier;
use crate::observation::Observation;
use crate::scenario::Scenario;
use crate::witness;

/// A field of a report, or an outcome, that contradicts a witness.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Disagreement {
    /// The field as a path into the report, or the name of an outcome.
    pub field: String,
    /// The witness.
    pub witness: &'static str,
    /// The value according to the witness.
    pub says: String,
    /// The value in the report.
    pub report: String,
}

/// Figures of the machine and of its cgroups as a whole. Every running task changes them, and the kernel prints them some time
/// after its decision. Two readings may therefore differ in a guest that had little processor time. The same is true of the
/// log's own table, which decides whether scores are equal.
const MOVING: [&str; 4] =
    ["machine.", "account.", "(outcome) tasks with the most points", "(outcome) the chosen one"];

impl Disagreement {
    /// Whether the figure may have changed between the two readings by more than its tolerance. A wrong figure differs in every
    /// run, a moving one does not.
    #[must_use]
    pub fn may_have_moved(&self) -> bool {
        MOVING.iter().any(|prefix| self.field.starts_with(prefix))
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, witness, says, report } = self;
        write!(f, "{field}: the {witness} says {says}, the report {report}")
    }
}

/// Compares all observations. Without a tracer, it only checks that the scenario caused what it states.
#[must_use]
pub fn judge(scenario: &Scenario, seen: &Observation, tier: Option<Tier>) -> Vec<Disagreement> {
    let log = witness::read(&seen.log);
    let mut found = ground::judge(scenario, seen, &log);
    if let Some(tier) = tier {
        found.extend(tracer::judge(scenario, seen, &log, tier));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Disagreement;

    #[test]
    fn allows_only_figures_of_the_whole_machine_or_cgroup_to_move() {
        let of = |field: &str| Disagreement {
            field: field.to_owned(),
            witness: "kernel log",
            says: String::new(),
            report: String::new(),
        };
        let moves = ["machine.zones.0.boost_bytes", "account.parts.anon"];
        assert!(moves.iter().all(|field| of(field).may_have_moved()));
        let stays = ["cause.code", "victims.0.pid", "machine", "allocation.stack", "domain.limit_bytes"];
        assert!(!stays.iter().any(|field| of(field).may_have_moved()));
    }
}
