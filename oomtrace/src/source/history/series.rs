//! Samples over time in memory that never grows. Older samples are kept at larger distances.

/// Maximum number of samples of one series. With the spacing below, ten minutes need no more.
pub(super) const SAMPLES: usize = 52;

const SECOND: u64 = 1_000_000_000;

/// The spacing of the samples: up to each age, the smallest distance to the previous sample, ns.
/// Each value is a tenth less than a round number, because a sample may be slightly early.
const SPACING: [(u64, u64); 4] = [
    (2 * SECOND, 0),
    (10 * SECOND, SECOND / 10 * 9),
    (60 * SECOND, SECOND / 10 * 45),
    (600 * SECOND, SECOND * 27),
];

/// A value that was read at a time.
pub(super) trait Timed: Copy {
    /// The time of the reading, `CLOCK_BOOTTIME` ns.
    fn at_ns(&self) -> u64;
}

/// The samples of one cgroup, process or machine, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Series<T> {
    len: usize,
    samples: [T; SAMPLES],
}

impl<T: Timed> Series<T> {
    /// Creates a series with one sample. This writes all of the memory that the series will ever use.
    pub(super) const fn new(first: T) -> Self {
        Self { len: 1, samples: [first; SAMPLES] }
    }

    /// Adds a sample and drops those that are too old or too close together.
    /// Ignores a sample that is not later than the last one.
    pub(super) fn push(&mut self, sample: T) {
        if self.last().is_some_and(|last| last.at_ns() >= sample.at_ns()) {
            return;
        }
        self.thin(sample.at_ns());
        if self.len == SAMPLES {
            self.samples.rotate_left(1);
            self.len -= 1;
        }
        if let Some(slot) = self.samples.get_mut(self.len) {
            *slot = sample;
            self.len += 1;
        }
    }

    /// Drops samples that are too close to the older neighbor, so that a kept sample stays until it is too old.
    fn thin(&mut self, now_ns: u64) {
        let mut kept = 0;
        let mut before: Option<u64> = None;
        for index in 0..self.len {
            let Some(sample) = self.samples.get(index).copied() else { return };
            let at = sample.at_ns();
            let Some(spacing) = spacing(now_ns.saturating_sub(at)) else { continue };
            if before.is_none_or(|before| at.saturating_sub(before) >= spacing)
                && let Some(slot) = self.samples.get_mut(kept)
            {
                *slot = sample;
                kept += 1;
                before = Some(at);
            }
        }
        self.len = kept;
    }

    /// Returns all samples, oldest first.
    pub(super) fn samples(&self) -> &[T] {
        self.samples.get(..self.len).unwrap_or_default()
    }

    /// Returns the latest sample.
    pub(super) fn last(&self) -> Option<&T> {
        self.samples().last()
    }

    /// Returns the samples up to and including a time.
    pub(super) fn until(&self, at_ns: u64) -> &[T] {
        let samples = self.samples();
        samples.get(..samples.partition_point(|sample| sample.at_ns() <= at_ns)).unwrap_or_default()
    }
}

/// Returns the smallest distance between samples of an age; `None` if they are too old.
fn spacing(age_ns: u64) -> Option<u64> {
    SPACING.iter().find(|(age, _)| age_ns <= *age).map(|(_, spacing)| *spacing)
}

#[cfg(test)]
mod tests {
    use super::{SAMPLES, SECOND, Series, Timed};

    impl Timed for u64 {
        fn at_ns(&self) -> u64 {
            *self
        }
    }

    /// A series with a sample every `every_ns`.
    fn sampled(every_ns: u64, for_ns: u64) -> Series<u64> {
        let mut series = Series::new(every_ns);
        for number in 2..=for_ns / every_ns {
            series.push(number * every_ns);
        }
        series
    }

    #[test]
    fn keeps_ten_minutes_and_thins_them_with_age() {
        for every_ns in [SECOND / 4, SECOND, 5 * SECOND, 30 * SECOND] {
            let series = sampled(every_ns, 3000 * SECOND);
            let samples = series.samples();
            assert!(samples.windows(2).all(|pair| pair[0] < pair[1]));
            let age = |at: &u64| 3000 * SECOND - at;
            assert!(age(&samples[0]) > 500 * SECOND, "{every_ns}: {}", age(&samples[0]) / SECOND);
            assert!(age(&samples[0]) <= 600 * SECOND + 30 * SECOND);
            let gap_at = |oldest: u64| {
                let recent = samples.iter().filter(|at| age(at) <= oldest).copied().collect::<Vec<_>>();
                recent.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
            };
            assert!(gap_at(60 * SECOND) <= every_ns.max(6 * SECOND), "{every_ns}");
            assert!(gap_at(600 * SECOND) <= every_ns.max(36 * SECOND), "{every_ns}");
            assert!(samples.len() < SAMPLES || every_ns < SECOND);
        }
    }

    #[test]
    fn keeps_every_sample_of_the_last_two_seconds() {
        let series = sampled(SECOND / 4, 3000 * SECOND);
        let recent = series.samples().iter().filter(|at| **at >= 2998 * SECOND).count();
        assert_eq!(recent, 9);
    }

    #[test]
    fn ignores_samples_that_are_not_later() {
        let mut series = Series::new(7_u64);
        series.push(7);
        series.push(3);
        series.push(9);
        assert_eq!(series.samples(), [7, 9]);
        assert_eq!((series.until(8), series.until(6), series.last()), (&[7][..], &[][..], Some(&9)));
    }
}
