//! Reports against witnesses: every field in which they disagree, by name.

mod account;
mod call_trace;
mod candidates;
mod choice;
mod collateral;
mod date;
mod domain;
mod followed;
mod ground;
mod incident;
mod ledger;
mod machine;
mod marks;
mod no_kill;
mod pairing;
mod panic;
mod rank;
mod replay;
mod tracer;
mod user_kill;
mod victim;
mod without_kill;

use std::fmt;

pub use self::panic::{Ending, judge_panic};
use crate::job::Tier;
use crate::observation::Observation;
use crate::scenario::Scenario;
use crate::witness;

/// A field in which a report, or the outcome itself, is not what a witness says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Disagreement {
    /// The field, as a path into the report, or what else was looked at.
    pub field: String,
    /// Who says otherwise.
    pub witness: &'static str,
    /// What the witness says.
    pub says: String,
    /// What the report says.
    pub report: String,
}

/// Figures of the machine and of its cgroups as a whole. Everybody who runs changes them, and the kernel prints them a while after it
/// has decided: two readings of the same may differ in a guest that had little time on its processors. The same is true of the log's
/// own table, by which scores are equal or not.
const MOVING: [&str; 4] =
    ["machine.", "account.", "(outcome) tasks with the most points", "(outcome) the chosen one"];

impl Disagreement {
    /// Whether the figure may have changed between the two readings by more than its tolerance. A wrong figure differs in every
    /// run; one that moved does not.
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

/// Compare everything seen. Without a tracer, whether the scenario did what it says is all there is.
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
    fn only_figures_of_the_whole_may_move() {
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
