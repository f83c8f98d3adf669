//! The distribution of many durations, as a few numbers.

use serde::Serialize;

/// How times are spread, ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Number of durations; at least 1.
    pub count: u64,
    /// The shortest.
    pub min_ns: u64,
    /// The shortest that half of all do not exceed.
    pub median_ns: u64,
    /// The shortest that 99 in a hundred do not exceed.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Spread {
    /// Of these; `None` of none.
    #[must_use]
    pub fn of(mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100);
            times.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            count: u64::try_from(times.len()).unwrap_or(u64::MAX),
            min_ns: percentile(0)?,
            median_ns: percentile(50)?,
            p99_ns: percentile(99)?,
            max_ns: percentile(100)?,
        })
    }
}
