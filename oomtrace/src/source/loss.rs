//! The kernel side's counts of frames that were lost because the ring buffer was full.

use std::collections::BTreeMap;

use aya::maps::{Array, MapData};
use oomtrace_common::frame::{KILLS_SLOT, Kind, UNREPORTED_KILLS_SLOT};

use crate::context::Loss;

/// The counters, and the total that was last reported.
pub(crate) struct Losses {
    counters: Array<MapData, u64>,
    reported: u64,
}

impl Losses {
    /// Reads the counters from the map `LOST`.
    #[must_use]
    pub(crate) const fn new(counters: Array<MapData, u64>) -> Self {
        Self { counters, reported: 0 }
    }

    /// Returns the counts by kind, if they have grown since the last call.
    pub(crate) fn grown(&mut self) -> Option<Loss> {
        let lost: BTreeMap<String, u64> = Kind::ALL
            .iter()
            .filter(|kind| kind.number() < Kind::FIRST_CONTEXT)
            .filter_map(|kind| {
                let count = self.counters.get(&u32::from(kind.number()), 0).ok()?;
                (count > 0).then(|| (format!("{kind:?}"), count))
            })
            .collect();
        let total = lost.values().sum();
        if total == self.reported {
            return None;
        }
        self.reported = total;
        Some(Loss { lost, kills: self.slot(KILLS_SLOT), unreported_kills: self.slot(UNREPORTED_KILLS_SLOT) })
    }

    fn slot(&self, slot: u32) -> u64 {
        self.counters.get(&slot, 0).unwrap_or(0)
    }
}
