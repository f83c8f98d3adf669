//! The counts of empty passes and of acts that the kernel side holds back while they continue.

use aya::maps::{HashMap, MapData};
use oomtrace_common::event::{Act, ActRun, EmptyPasses, EmptyPassesRun, EmptyRun, UserKills};

/// Time after its last pass at which a run is forgotten, ns.
const FORGOTTEN_NS: u64 = 10_000_000_000;

/// A wrapper for the wire structs, because aya requires types with its own trait.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Plain<T>(T);

// SAFETY: `repr(C)` integers without padding; every bit pattern is valid.
unsafe impl aya::Pod for Plain<EmptyRun> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<EmptyPassesRun> {}

// SAFETY: as above.
unsafe impl aya::Pod for Plain<Act> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<ActRun> {}

/// The kernel side's table of acts of user space.
pub type ActTable = HashMap<MapData, Plain<Act>, Plain<ActRun>>;

/// The acts in progress. Only their first signals have frames of their own.
pub struct PendingActs {
    table: ActTable,
    told: Vec<(Act, u64, u64)>,
}

impl PendingActs {
    /// Reads the map `ACTS`.
    #[must_use]
    pub const fn new(table: ActTable) -> Self {
        Self { table, told: Vec::new() }
    }

    /// Returns the counts of acts that exceed those in frames and earlier calls.
    /// Removes acts that ended long before `now_ns` from the table.
    pub fn untold(&mut self, now_ns: u64) -> Vec<UserKills> {
        let acts: Vec<(Plain<Act>, UserKills)> =
            self.table.iter().flatten().map(|(key, run)| (key, run.0.kills)).collect();
        let old = |kills: &UserKills| now_ns.saturating_sub(kills.last_ns) > FORGOTTEN_NS;
        for (key, _) in acts.iter().filter(|(_, kills)| old(kills)) {
            // The entry may already have been removed.
            let _ = self.table.remove(key);
        }
        let state = |kills: &UserKills| (kills.of, kills.first_ns, kills.count);
        let fresh = |kills: &&UserKills| kills.count > kills.told && !self.told.contains(&state(kills));
        let untold = acts.iter().map(|(_, kills)| kills).filter(fresh).copied().collect();
        self.told = acts.iter().map(|(_, kills)| state(kills)).collect();
        untold
    }
}

/// The kernel side's table of runs.
pub type Table = HashMap<MapData, Plain<EmptyRun>, Plain<EmptyPassesRun>>;

/// The runs in progress.
pub struct PendingRuns {
    table: Table,
    told: Vec<(u64, u64)>,
}

impl PendingRuns {
    /// Reads the map `EMPTY`.
    #[must_use]
    pub const fn new(table: Table) -> Self {
        Self { table, told: Vec::new() }
    }

    /// Returns the runs whose counts exceed those in frames and earlier calls.
    /// Removes runs that ended long before `now_ns` from the table.
    pub fn untold(&mut self, now_ns: u64) -> Vec<EmptyPasses> {
        let runs: Vec<(Plain<EmptyRun>, EmptyPassesRun)> =
            self.table.iter().flatten().map(|(key, run)| (key, run.0)).collect();
        let old = |run: &EmptyPassesRun| now_ns.saturating_sub(run.passes.last_ns) > FORGOTTEN_NS;
        for (key, _) in runs.iter().filter(|(_, run)| old(run)) {
            // The entry may already have been removed.
            let _ = self.table.remove(key);
        }
        let state = |run: &EmptyPassesRun| (run.passes.first_ns, run.passes.count);
        let fresh =
            |run: &&EmptyPassesRun| run.passes.last_ns > run.told_ns && !self.told.contains(&state(run));
        let untold: Vec<EmptyPasses> =
            runs.iter().map(|(_, run)| run).filter(fresh).map(|run| run.passes).collect();
        self.told = runs.iter().map(|(_, run)| state(run)).collect();
        untold
    }
}
