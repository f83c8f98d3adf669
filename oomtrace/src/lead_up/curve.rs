//! Analyzes a curve of memory over time: when its last growth began, its rate, and how straight it is. The code uses only
//! numbers.

/// The least growth that counts, bytes.
const LEAST_BYTES: u64 = 1 << 20;

/// Growth counts only from one part in this many of the final amount.
const LEAST_SHARE: u64 = 32;

/// The share of the growth that counts as noise before the growth began: one part in this many.
const NOISE_SHARE: u64 = 20;

/// The least duration of a plateau, ns.
const PLATEAU_NS: u64 = 3_000_000_000;

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// `CLOCK_BOOTTIME` ns.
    pub(crate) at_ns: u64,
    pub(crate) bytes: u64,
}

/// The last growth of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Index of the last point before the growth began.
    pub(crate) index: usize,
    /// Begin of the growth, `CLOCK_BOOTTIME` ns.
    pub(crate) since_ns: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_per_second: Option<u64>,
    /// How well a straight line fits, in thousandths (R²). Absent with fewer than three points.
    pub(crate) straight: Option<u64>,
}

/// Returns the growth up to the end of the curve, or `None` if the curve did not grow. The growth begins at the end of the last
/// plateau, or else at the last point that is about as low as the lowest one.
pub(crate) fn growth(points: &[Point]) -> Option<Growth> {
    let last = points.last()?;
    let base = points.iter().map(|point| point.bytes).min()?;
    let bytes = last.bytes.checked_sub(base)?;
    if bytes < LEAST_BYTES || bytes < last.bytes / LEAST_SHARE {
        return None;
    }
    let noise = base.saturating_add(bytes / NOISE_SHARE);
    let lowest = || points.iter().rposition(|point| point.bytes <= noise);
    let index = plateau(points, *last, bytes).or_else(lowest)?;
    let before = points.get(index)?;
    let after = points.get(index + 1..).unwrap_or_default();
    let line = line(after);
    let bytes = last.bytes.saturating_sub(before.bytes);
    let span_ns = last.at_ns.saturating_sub(before.at_ns);
    let bytes_per_second = line.map(|line| line.bytes_per_second).or_else(|| rate(bytes, span_ns));
    let since_ns = line.and_then(|line| line.begin(*after.first()?, before)).unwrap_or(before.at_ns);
    let straight = line.map(|line| line.straight);
    Some(Growth { index, since_ns, bytes, bytes_per_second, straight })
}

/// Returns the end of the last plateau that is followed by at least three tenths of the whole growth. A plateau lasts at least
/// three seconds and a quarter of the time after it.
fn plateau(points: &[Point], last: Point, whole: u64) -> Option<usize> {
    let is_end = |(_, end): &(usize, &Point)| {
        let growth = last.bytes.saturating_sub(end.bytes);
        let least_ns = PLATEAU_NS.max(last.at_ns.saturating_sub(end.at_ns) / 4);
        let is_flat = |point: &&Point| point.bytes.abs_diff(end.bytes) <= growth / NOISE_SHARE;
        let earlier = points.iter().filter(|point| point.at_ns <= end.at_ns).rev();
        let begin = earlier.take_while(is_flat).last();
        let lasts = begin.is_some_and(|begin| end.at_ns.saturating_sub(begin.at_ns) >= least_ns);
        lasts && growth >= LEAST_BYTES && growth >= whole / 10 * 3
    };
    points.iter().enumerate().rev().find(is_end).map(|(index, _)| index)
}

/// Returns the rate in bytes per second.
pub(crate) fn rate(bytes: u64, span_ns: u64) -> Option<u64> {
    let per_second = u128::from(bytes) * 1_000_000_000;
    u64::try_from(per_second.checked_div(u128::from(span_ns))?).ok()
}

/// A straight line through points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) bytes_per_second: u64,
    /// How well the line fits, in thousandths (R²).
    pub(crate) straight: u64,
}

impl Line {
    /// Returns the time when the line rises above the amount of the point before it. The time lies between that point and the
    /// line's first point.
    fn begin(self, first: Point, before: &Point) -> Option<u64> {
        let above = u128::from(first.bytes.saturating_sub(before.bytes)) * 1_000_000_000;
        let ns = above.checked_div(u128::from(self.bytes_per_second))?;
        let begin = first.at_ns.saturating_sub(u64::try_from(ns).ok()?);
        (self.straight >= STRAIGHT).then(|| begin.max(before.at_ns))
    }
}

/// The least fit of a straight line, in thousandths.
pub(crate) const STRAIGHT: u64 = 950;

/// Returns the least squares line, or `None` with fewer than three points or if the line does not rise.
pub(crate) fn line(points: &[Point]) -> Option<Line> {
    let first = points.first().filter(|_| points.len() >= 3)?;
    let count = i128::try_from(points.len()).ok()?;
    // Use milliseconds and bytes from the first point, so that products stay in range.
    let x = |point: &Point| i128::from(point.at_ns.saturating_sub(first.at_ns) / 1_000_000);
    let y = |point: &Point| i128::from(point.bytes) - i128::from(first.bytes);
    let sum = |of: &dyn Fn(&Point) -> Option<i128>| {
        points.iter().try_fold(0_i128, |sum, point| sum.checked_add(of(point)?))
    };
    let (sum_x, sum_y) = (sum(&|point| Some(x(point)))?, sum(&|point| Some(y(point)))?);
    let of =
        |left: i128, sum: i128, right: i128| count.checked_mul(sum)?.checked_sub(left.checked_mul(right)?);
    let both = of(sum_x, sum(&|point| x(point).checked_mul(y(point)))?, sum_y)?;
    let across = of(sum_x, sum(&|point| x(point).checked_mul(x(point)))?, sum_x)?;
    let up = of(sum_y, sum(&|point| y(point).checked_mul(y(point)))?, sum_y)?;
    let slope = both.checked_mul(1000)?.checked_div(across)?;
    let straight = slope.checked_mul(both)?.checked_div(up)?;
    let bytes_per_second = u64::try_from(slope).ok().filter(|slope| *slope > 0)?;
    Some(Line { bytes_per_second, straight: u64::try_from(straight).ok()?.min(1000) })
}
