//! Turns samples into the table.

use std::fmt::Write as _;

/// A row of the table.
pub(super) struct Row {
    /// The measured figure, with its unit.
    pub(super) figure: String,
    /// The target in `docs/benchmarks.md`.
    pub(super) target: &'static str,
    /// The measured value.
    pub(super) measured: String,
}

impl Row {
    pub(super) fn new(figure: impl Into<String>, target: &'static str, measured: impl Into<String>) -> Self {
        Self { figure: figure.into(), target, measured: measured.into() }
    }
}

/// Samples of one figure, sorted.
pub(super) struct Samples(Vec<f64>);

impl Samples {
    /// Sorts the samples. Returns `None` if there are none.
    pub(super) fn new(mut samples: Vec<f64>) -> Option<Self> {
        samples.sort_by(f64::total_cmp);
        (!samples.is_empty()).then_some(Self(samples))
    }

    /// Returns the smallest sample that at least `percent` percent of all samples do not exceed.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// Formats the median, and the extremes in parentheses.
    pub(super) fn spread(&self) -> String {
        format!("{:.1} ({:.1} to {:.1})", self.percentile(50), self.percentile(0), self.percentile(100))
    }

    /// Formats the median, the 99th percentile and the largest.
    pub(super) fn tail_and_most(&self) -> String {
        format!("{} / {:.2}", self.tail(), self.percentile(100))
    }

    /// Formats the median and the 99th percentile.
    pub(super) fn tail(&self) -> String {
        format!("{:.2} / {:.2}", self.percentile(50), self.percentile(99))
    }
}

/// Formats the table as Markdown with aligned columns.
pub(super) fn table(rows: &[Row]) -> String {
    let head = Row::new("figure", "target", "measured");
    let line = Row::new("---", "---", "---");
    let all = || [&head, &line].into_iter().chain(rows);
    let wide = |of: fn(&Row) -> &str| all().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (figures, targets) = (wide(|row| row.figure.as_str()), wide(|row| row.target));
    let mut text = String::new();
    for row in all() {
        let _ = writeln!(text, "| {:figures$} | {:targets$} | {} |", row.figure, row.target, row.measured);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_a_sample() {
        let samples = Samples::new((1..=100).rev().map(f64::from).collect()).unwrap();
        assert_eq!([0, 50, 99, 100].map(|percent| samples.percentile(percent)), [1.0, 50.0, 99.0, 100.0]);
        let one = Samples::new(vec![7.0]).unwrap();
        assert_eq!([0, 50, 99, 100].map(|percent| one.percentile(percent)), [7.0; 4]);
        assert!(Samples::new(Vec::new()).is_none());
    }

    #[test]
    fn aligns_columns_to_widest_cell() {
        let text = table(&[Row::new("start, ms", "25", "40.0")]);
        assert_eq!(
            text,
            "| figure    | target | measured |\n| ---       | ---    | --- |\n| start, ms | 25     | 40.0 |\n"
        );
    }
}
