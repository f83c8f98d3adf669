//! The counts of empty passes that the kernel holds back while runs of them go on.

use aya::maps::{HashMap, MapData};
use oomtrace_common::event::{EmptyPasses, EmptyPassesRun, EmptyRun};

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
