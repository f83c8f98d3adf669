//! Predicts when memory runs out at its present rate. The code is pure: it turns a curve of memory into a time.

mod announcement;

use serde::Serialize;

pub use self::announcement::{Announcement, Grower, Kind, Sample};

use crate::lead_up::curve::{Point, growth, line};

/// The windows before the last sample, ns. The rate comes from the longest one in which memory grew in a straight line.
const WINDOWS_NS: [u64; 5] = [60_000_000_000, 30_000_000_000, 15_000_000_000, 5_000_000_000, 2_000_000_000];

/// Samples older than this do not count, ns.
pub const LONGEST_NS: u64 = WINDOWS_NS[0];

/// The least time over which a rate is measured, ns.
pub(crate) const LEAST_NS: u64 = 900_000_000;

/// The least growth that counts, bytes.
pub(crate) const LEAST_BYTES: u64 = 1 << 20;

/// The least fit of a curve that counts as a straight line, in thousandths (R²).
const STRAIGHT: u64 = 980;

/// The predicted time at which memory runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// The time from the last sample until memory runs out, ns.
    pub left_ns: u64,
    /// The rate at which memory grows.
    pub bytes_per_second: u64,
    /// The time over which the rate was measured, ns.
    pub over_ns: u64,
    /// Memory at the last sample that reclaim cannot drop: usage without page cache but with swap.
    pub held_bytes: u64,
    /// The amount at which memory runs out: the limit plus the swap that may be used.
    pub capacity_bytes: u64,
}

/// Returns the forecast for a curve of held memory, or `None` if the curve does not rise in a straight line.
#[must_use]
pub(crate) fn forecast(points: &[Point], capacity_bytes: u64) -> Option<Forecast> {
    let last = points.last()?;
    // Samples from before the growth do not affect its rate. If the growth began before the first sample, all samples count.
    let begin = growth(points).filter(|growth| growth.index > 0).map_or(0, |growth| growth.index + 1);
    let grown = points.get(begin..)?;
    let (over_ns, bytes_per_second) = WINDOWS_NS.into_iter().find_map(|window| rate(grown, window))?;
    let room = u128::from(capacity_bytes.saturating_sub(last.bytes)) * 1_000_000_000;
    let left_ns = u64::try_from(room.checked_div(u128::from(bytes_per_second))?).ok()?;
    Some(Forecast { left_ns, bytes_per_second, over_ns, held_bytes: last.bytes, capacity_bytes })
}

/// Returns the duration and the rate of the points in a window, if they form a rising straight line.
fn rate(points: &[Point], window_ns: u64) -> Option<(u64, u64)> {
    let last = points.last()?;
    let begin = points.partition_point(|point| last.at_ns.saturating_sub(point.at_ns) > window_ns);
    let recent = points.get(begin..)?;
    let over_ns = last.at_ns.saturating_sub(recent.first()?.at_ns);
    let line = line(recent).filter(|line| line.straight >= STRAIGHT && over_ns >= LEAST_NS)?;
    let rise = u128::from(line.bytes_per_second) * u128::from(over_ns) / 1_000_000_000;
    (rise >= u128::from(LEAST_BYTES)).then_some((over_ns, line.bytes_per_second))
}

#[cfg(test)]
mod tests;
