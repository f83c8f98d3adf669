//! The counts of empty passes that the kernel holds back while runs of them go on.

use aya::maps::{HashMap, MapData};
use oomtrace_common::event::{Act, ActRun, EmptyPasses, EmptyPassesRun, EmptyRun, UserKills};

/// How long after its last pass a run is forgotten, ns.
const FORGOTTEN_NS: u64 = 10_000_000_000;

/// The wire structs, where aya wants to see types of its own trait.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Plain<T>(T);

// SAFETY: `repr(C)` integers without padding: any bits are a value.
unsafe impl aya::Pod for Plain<EmptyRun> {}
// SAFETY: likewise.
unsafe impl aya::Pod for Plain<EmptyPassesRun> {}

// SAFETY: likewise.
unsafe impl aya::Pod for Plain<Act> {}
// SAFETY: likewise.
unsafe impl aya::Pod for Plain<ActRun> {}

/// The kernel's table of acts of user space.
pub type ActTable = HashMap<MapData, Plain<Act>, Plain<ActRun>>;

/// The acts under way, of which the first signals alone have frames of their own.
pub struct PendingActs {
    table: ActTable,
    told: Vec<(Act, u64, u64)>,
}

impl PendingActs {
    /// Over the map `ACTS`.
    #[must_use]
    pub const fn new(table: ActTable) -> Self {
        Self { table, told: Vec::new() }
    }

    /// The counts of acts that are more than frames and earlier calls told. Acts that were over long before `now_ns` are taken out
    /// of the table.
    pub fn untold(&mut self, now_ns: u64) -> Vec<UserKills> {
        let acts: Vec<(Plain<Act>, UserKills)> =
            self.table.iter().flatten().map(|(key, run)| (key, run.0.kills)).collect();
        let old = |kills: &UserKills| now_ns.saturating_sub(kills.last_ns) > FORGOTTEN_NS;
        for (key, _) in acts.iter().filter(|(_, kills)| old(kills)) {
            // If it is gone already, so much the better.
            let _ = self.table.remove(key);
        }
        let state = |kills: &UserKills| (kills.of, kills.first_ns, kills.count);
        let fresh = |kills: &&UserKills| kills.count > kills.told && !self.told.contains(&state(kills));
        let untold = acts.iter().map(|(_, kills)| kills).filter(fresh).copied().collect();
        self.told = acts.iter().map(|(_, kills)| state(kills)).collect();
        untold
    }
}

/// The kernel's table of runs.
pub type Table = HashMap<MapData, Plain<EmptyRun>, Plain<EmptyPassesRun>>;

/// The runs under way.
pub struct PendingRuns {
    table: Table,
    told: Vec<(u64, u64)>,
}

impl PendingRuns {
    /// Over the map `EMPTY`.
    #[must_use]
    pub const fn new(table: Table) -> Self {
        Self { table, told: Vec::new() }
    }

    /// The runs that have counted more than frames and earlier calls told. Runs that were over long before `now_ns` are
    /// taken out of the table.
    pub fn untold(&mut self, now_ns: u64) -> Vec<EmptyPasses> {
        let runs: Vec<(Plain<EmptyRun>, EmptyPassesRun)> =
            self.table.iter().flatten().map(|(key, run)| (key, run.0)).collect();
        let old = |run: &EmptyPassesRun| now_ns.saturating_sub(run.passes.last_ns) > FORGOTTEN_NS;
        for (key, _) in runs.iter().filter(|(_, run)| old(run)) {
            // If it is gone already, so much the better.
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
