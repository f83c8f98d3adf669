//! Counts over time. The columns become wider as the covered time grows.

use std::collections::BTreeMap;

/// The largest number of columns.
const COLUMNS: i64 = 96;

/// The widths of a column, in seconds. Each is a multiple of the one before it, so that columns can be merged.
const WIDTHS: [(i64, &str); 17] = [
    (1, "1 second"),
    (5, "5 seconds"),
    (10, "10 seconds"),
    (30, "30 seconds"),
    (60, "1 minute"),
    (300, "5 minutes"),
    (600, "10 minutes"),
    (1800, "30 minutes"),
    (3600, "1 hour"),
    (3 * 3600, "3 hours"),
    (6 * 3600, "6 hours"),
    (12 * 3600, "12 hours"),
    (86_400, "1 day"),
    (7 * 86_400, "1 week"),
    (28 * 86_400, "4 weeks"),
    (364 * 86_400, "52 weeks"),
    (3640 * 86_400, "520 weeks"),
];

/// Counts by column. The number of columns is limited, however many incidents there are.
#[derive(Default)]
pub(super) struct Histogram {
    /// Index into [`WIDTHS`].
    width: usize,
    /// Counts by column number, which is the number of seconds since 1970 divided by the width.
    counts: BTreeMap<i64, u64>,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// The start of the column, in seconds since 1970.
    pub(super) begin: i64,
    /// The count of the column.
    pub(super) count: u64,
}

impl Histogram {
    /// Adds a count at a time in seconds since 1970.
    pub(super) fn add(&mut self, second: i64, count: u64) {
        let column = self.counts.entry(second.div_euclid(self.seconds())).or_default();
        *column = column.saturating_add(count);
        while self.span() > COLUMNS && self.width + 1 < WIDTHS.len() {
            self.widen();
        }
    }

    fn seconds(&self) -> i64 {
        WIDTHS.get(self.width).map_or(1, |(seconds, _)| *seconds)
    }

    /// Returns the width of a column in words.
    pub(super) fn width_in_words(&self) -> &'static str {
        WIDTHS.get(self.width).map_or("1 second", |(_, words)| *words)
    }

    fn span(&self) -> i64 {
        let ends = self.counts.first_key_value().zip(self.counts.last_key_value());
        ends.map_or(0, |((first, _), (last, _))| last.saturating_sub(*first).saturating_add(1))
    }

    fn widen(&mut self) {
        let narrow = self.seconds();
        self.width += 1;
        let factor = (self.seconds() / narrow).max(1);
        for (column, count) in std::mem::take(&mut self.counts) {
            let wide = self.counts.entry(column.div_euclid(factor)).or_default();
            *wide = wide.saturating_add(count);
        }
    }

    /// Returns the columns from the first to the last, including the empty ones between them.
    pub(super) fn columns(&self) -> Vec<Column> {
        let Some(((first, _), (last, _))) = self.counts.first_key_value().zip(self.counts.last_key_value())
        else {
            return Vec::new();
        };
        let column = |number: i64| Column {
            begin: number.saturating_mul(self.seconds()),
            count: self.counts.get(&number).copied().unwrap_or(0),
        };
        (*first..=*last).take(usize::try_from(COLUMNS).unwrap_or(0)).map(column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, Column, Histogram, WIDTHS};

    #[test]
    fn each_width_is_multiple_of_smaller_one() {
        assert!(WIDTHS.windows(2).all(|pair| pair[1].0 % pair[0].0 == 0));
    }

    #[test]
    fn short_time_has_narrow_columns_including_empty_ones() {
        let mut histogram = Histogram::default();
        for second in [1_700_000_000, 1_700_000_002, 1_700_000_002] {
            histogram.add(second, 1);
        }
        let counts: Vec<u64> = histogram.columns().iter().map(|column| column.count).collect();
        assert_eq!((counts, histogram.width_in_words()), (vec![1, 0, 2], "1 second"));
        assert!(Histogram::default().columns().is_empty());
    }

    #[test]
    fn keeps_total_when_columns_are_merged() {
        let mut histogram = Histogram::default();
        for number in 0..10_000 {
            histogram.add(1_700_000_000 + number * 61, 2);
        }
        let columns = histogram.columns();
        assert!(i64::try_from(columns.len()).unwrap() <= COLUMNS);
        assert_eq!(columns.iter().map(|column| column.count).sum::<u64>(), 20_000);
        assert_eq!(histogram.width_in_words(), "3 hours");
    }

    #[test]
    fn accepts_any_time() {
        let mut histogram = Histogram::default();
        for second in [i64::MIN / 2, -1, 0, i64::MAX / 2] {
            histogram.add(second, 1);
        }
        let Column { count, .. } = histogram.columns()[0];
        assert_eq!(count, 1);
        assert!(histogram.columns().len() <= 96);
    }
}
