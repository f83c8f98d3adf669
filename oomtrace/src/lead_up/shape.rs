//! Determines the shape of a growth: a leak, a burst, or processes that started one after the other.

use serde::Serialize;

use super::{
    curve::{Growth, Point, STRAIGHT},
    growers::Grown,
};

/// The longest duration of a burst, ns. A burst may also come within one interval of the samples.
const BURST_NS: u64 = 2_000_000_000;

/// The shape in which memory grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// The memory grew in a straight line: a leak, or a program that loads its data.
    Steady,
    /// Most of the growth came in one burst.
    Sudden,
    /// The memory grew as processes started one after the other.
    Steps,
    /// The memory did not grow: the limit had been reached before, and only page cache changed.
    Plateau,
    /// The shape is none of these, or there are too few samples.
    Unknown,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 5] = [Self::Steady, Self::Sudden, Self::Steps, Self::Plateau, Self::Unknown];

    /// Returns the name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Sudden => "sudden",
            Self::Steps => "steps",
            Self::Plateau => "plateau",
            Self::Unknown => "unknown",
        }
    }
}

/// Returns the shape of a growth.
pub(super) fn shape(points: &[Point], growth: &Growth, grown: &[Grown], interval_ns: u64) -> Shape {
    let end_ns = points.last().map_or(0, |point| point.at_ns);
    if is_steps(growth, grown, end_ns) {
        return Shape::Steps;
    }
    if is_sudden(points.get(growth.index..).unwrap_or_default(), growth.bytes, interval_ns) {
        return Shape::Sudden;
    }
    match growth.straight {
        Some(straight) if straight >= STRAIGHT => Shape::Steady,
        Some(_) | None => Shape::Unknown,
    }
}

/// Returns whether seven tenths of the growth came in one burst.
fn is_sudden(points: &[Point], bytes: u64, interval_ns: u64) -> bool {
    let within = interval_ns.saturating_add(interval_ns / 5).max(BURST_NS);
    points.iter().enumerate().any(|(index, from)| {
        let after = points.get(index + 1..).unwrap_or_default();
        after.iter().enumerate().any(|(distance, to)| {
            let span_ns = to.at_ns.saturating_sub(from.at_ns);
            let is_burst = span_ns <= BURST_NS || (distance == 0 && span_ns <= within);
            is_burst && to.bytes.saturating_sub(from.bytes) >= bytes / 10 * 7
        })
    })
}

/// Returns whether at least three processes that started during the growth hold most of it and started at different times.
fn is_steps(growth: &Growth, grown: &[Grown], end_ns: u64) -> bool {
    let span_ns = end_ns.saturating_sub(growth.since_ns);
    let counts = |process: &&Grown| process.growth_bytes >= growth.bytes / 32;
    let began =
        |process: &Grown| process.start_ns.filter(|start| *start >= growth.since_ns.saturating_sub(BURST_NS));
    let new: Vec<(u64, u64)> = grown
        .iter()
        .filter(counts)
        .filter_map(|process| Some((began(process)?, process.growth_bytes)))
        .collect();
    let bytes = new.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let starts = || new.iter().map(|(start, _)| *start);
    let apart_ns = starts().max().zip(starts().min()).map_or(0, |(last, first)| last.saturating_sub(first));
    new.len() >= 3 && bytes >= growth.bytes / 10 * 6 && span_ns > BURST_NS && apart_ns >= span_ns / 10 * 4
}
