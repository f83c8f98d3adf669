//! Summarizes the distribution of durations in a few numbers.

use serde::Serialize;

/// The distribution of durations, ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Number of durations; at least 1.
    pub count: u64,
    /// The shortest duration.
    pub min_ns: u64,
    /// The shortest duration that half of all durations do not exceed.
    pub median_ns: u64,
    /// The shortest duration that 99 percent of all durations do not exceed.
    pub p99_ns: u64,
    /// The longest duration.
    pub max_ns: u64,
}

impl Spread {
    /// Returns the distribution of these durations, or `None` if there are none.
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
