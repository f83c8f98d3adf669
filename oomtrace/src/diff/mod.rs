//! Compares two recordings: which victims and causes became more frequent, and how long it took until memory was available again.

mod spread;
mod tally;

use serde::Serialize;

pub use self::{spread::Spread, tally::Tally};
use crate::bytes::ByteString;

/// The version of the JSON's schema. Keys are added, never renamed.
pub const SCHEMA: u32 = 1;

/// The comparison (`docs/diff.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Number of decisions.
    pub incidents: Pair<u64>,
    /// Number of decisions that killed no process.
    pub no_kill: Pair<u64>,
    /// Number of decisions with data known to be missing.
    pub incomplete: Pair<u64>,
    /// Number of processes that were killed or marked.
    pub victims: Pair<u64>,
    /// Number of victims that were not chosen and died with the chosen one.
    pub collateral: Pair<u64>,
    /// Number of decisions whose victim had not grown before.
    pub victim_had_not_grown: Pair<u64>,
    /// Resident memory of all victims for which it is known.
    pub resident_bytes: Pair<u64>,
    /// Resident memory of the victims that were not chosen, if known.
    pub collateral_resident_bytes: Pair<u64>,
    /// Time from the decision until the memory of its last victim was freed, for decisions where this is known.
    pub recovery: Pair<Option<Spread>>,
    /// Decisions by cause.
    pub causes: Vec<Count>,
    /// Decisions by policy; `null` if the tier does not record it.
    pub policies: Vec<Count>,
    /// Victims by name.
    pub comms: Vec<Count>,
    /// Victims by their memory cgroup.
    pub victim_cgroups: Vec<Count>,
    /// Decisions by the cgroup that ran out; `null` if no cgroup ran out.
    pub cgroups: Vec<Count>,
    /// Decisions by the shape of the growth before; `null` if it is not known.
    pub shapes: Vec<Count>,
}

/// A value of both recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pair<T> {
    /// The value of the first recording.
    pub a: T,
    /// The value of the second recording.
    pub b: T,
}

/// The count of one name in each recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The name that is counted.
    pub name: Option<ByteString>,
    /// The count in the first recording.
    pub a: u64,
    /// The count in the second recording.
    pub b: u64,
}

/// Compares the counts of two recordings.
#[must_use]
pub fn compare(a: Tally, b: Tally) -> Diff {
    let of = |count: fn(&Tally) -> u64| Pair { a: count(&a), b: count(&b) };
    Diff {
        schema: SCHEMA,
        incidents: of(|tally| tally.incidents),
        no_kill: of(|tally| tally.no_kill),
        incomplete: of(|tally| tally.incomplete),
        victims: of(|tally| tally.victims),
        collateral: of(|tally| tally.collateral),
        victim_had_not_grown: of(|tally| tally.victim_had_not_grown),
        resident_bytes: of(|tally| tally.resident_bytes),
        collateral_resident_bytes: of(|tally| tally.collateral_resident_bytes),
        causes: counts(&a.causes, &b.causes),
        policies: counts(&a.policies, &b.policies),
        comms: counts(&a.comms, &b.comms),
        victim_cgroups: counts(&a.victim_cgroups, &b.victim_cgroups),
        cgroups: counts(&a.cgroups, &b.cgroups),
        shapes: counts(&a.shapes, &b.shapes),
        recovery: Pair { a: Spread::of(a.recovery_ns), b: Spread::of(b.recovery_ns) },
    }
}

/// Returns the counts of all names in either recording, the most frequent first.
fn counts(a: &tally::Counts, b: &tally::Counts) -> Vec<Count> {
    let count = |counts: &tally::Counts, name: &Option<ByteString>| counts.get(name).copied().unwrap_or(0);
    let only_in_b = b.keys().filter(|name| !a.contains_key(name));
    let mut all: Vec<Count> = a
        .keys()
        .chain(only_in_b)
        .map(|name| Count { name: name.clone(), a: count(a, name), b: count(b, name) })
        .collect();
    all.sort_by(|one, other| {
        let of_both = |count: &Count| count.a.saturating_add(count.b);
        of_both(other).cmp(&of_both(one)).then_with(|| one.name.cmp(&other.name))
    });
    all
}

#[cfg(test)]
mod tests;
