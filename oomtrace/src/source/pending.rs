//! The counts of empty passes and of acts that the kernel side holds back while they continue.

use aya::maps::{HashMap, MapData};
use oomtrace_common::event::{Act, ActRun, EmptyPasses, EmptyPassesRun, EmptyRun, UserKills};

/// Time after its last pass at which a run is forgotten, ns.
const FORGOTTEN_NS: u64 = 10_000_000_000;

/// A wrapper for the wire structs, because aya requires types with its own trait.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Plain<T>(T);

// SAFETY: `repr(C)` integers without padding; every bit pattern is valid.
unsafe impl aya::Pod for Plain<EmptyRun> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<EmptyPassesRun> {}

// SAFETY: as above.
unsafe impl aya::Pod for Plain<Act> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<ActRun> {}

/// The kernel side's table of acts of user space.
pub(crate) type ActTable = HashMap<MapData, Plain<Act>, Plain<ActRun>>;

/// The acts in progress. Only their first signals have frames of their own.
pub(crate) struct PendingActs {
    table: ActTable,
    sent: Vec<(Act, u64, u64)>,
}

impl PendingActs {
    /// Reads the map `ACTS`.
    #[must_use]
    pub(crate) const fn new(table: ActTable) -> Self {
        Self { table, sent: Vec::new() }
    }

    /// Returns the counts of acts that exceed those in frames and earlier calls.
    /// Removes acts that ended long before `now_ns` from the table.
    pub(crate) fn unsent(&mut self, now_ns: u64) -> Vec<UserKills> {
        let acts: Vec<(Plain<Act>, UserKills)> =
            self.table.iter().flatten().map(|(key, run)| (key, run.0.kills)).collect();
        let old = |kills: &UserKills| now_ns.saturating_sub(kills.last_ns) > FORGOTTEN_NS;
        for (key, _) in acts.iter().filter(|(_, kills)| old(kills)) {
            // The entry may already have been removed.
            let _ = self.table.remove(key);
        }
        let state = |kills: &UserKills| (kills.of, kills.first_ns, kills.count);
        let fresh = |kills: &&UserKills| kills.count > kills.told && !self.sent.contains(&state(kills));
        let unsent = acts.iter().map(|(_, kills)| kills).filter(fresh).copied().collect();
        self.sent = acts.iter().map(|(_, kills)| state(kills)).collect();
        unsent
    }
}

/// The kernel side's table of runs.
pub(crate) type Table = HashMap<MapData, Plain<EmptyRun>, Plain<EmptyPassesRun>>;

/// The runs in progress.
pub(crate) struct PendingRuns {
    table: Table,
    sent: Vec<(u64, u64)>,
}

impl PendingRuns {
    /// Reads the map `EMPTY`.
    #[must_use]
    pub(crate) const fn new(table: Table) -> Self {
        Self { table, sent: Vec::new() }
    }

    /// Returns the runs whose counts exceed those in frames and earlier calls.
    /// Removes runs that ended long before `now_ns` from the table.
    pub(crate) fn unsent(&mut self, now_ns: u64) -> Vec<EmptyPasses> {
        let runs: Vec<(Plain<EmptyRun>, EmptyPassesRun)> =
            self.table.iter().flatten().map(|(key, run)| (key, run.0)).collect();
        let old = |run: &EmptyPassesRun| now_ns.saturating_sub(run.passes.last_ns) > FORGOTTEN_NS;
        for (key, _) in runs.iter().filter(|(_, run)| old(run)) {
            // The entry may already have been removed.
            let _ = self.table.remove(key);
        }
        let state = |run: &EmptyPassesRun| (run.passes.first_ns, run.passes.count);
        let fresh =
            |run: &&EmptyPassesRun| run.passes.last_ns > run.told_ns && !self.sent.contains(&state(run));
        let unsent: Vec<EmptyPasses> =
            runs.iter().map(|(_, run)| run).filter(fresh).map(|run| run.passes).collect();
        self.sent = runs.iter().map(|(_, run)| state(run)).collect();
        unsent
    }
}
