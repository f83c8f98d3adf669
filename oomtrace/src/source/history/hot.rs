//! Finds domains that are about to run out of memory by their last samples. They are sampled more often.

use super::{
    series::Series,
    table::{Sample, Table},
};

/// Maximum number of cgroups that are sampled more often at the same time.
const MOST: usize = 4;

/// Growth is measured over at least this time, ns.
const OVER_NS: u64 = 900_000_000;

/// Smallest growth that counts: one part of the limit in this many.
const GROWTH_SHARE: u64 = 256;

/// The domains that are about to run out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hot {
    /// The kernfs ids of their parents, and their paths.
    pub(super) cgroups: Vec<(u64, Vec<u8>)>,
    pub(super) machine: bool,
}

impl Hot {
    pub(super) const fn is_empty(&self) -> bool {
        self.cgroups.is_empty() && !self.machine
    }
}

/// Finds all domains that would reach their limit within four intervals at the present rate.
pub(super) fn hot(table: &Table, now_ns: u64, interval_ns: u64) -> Hot {
    let within_ns = interval_ns.saturating_mul(4);
    let is_hot = |series: &Series<Sample>, limit: Option<u64>| {
        let fresh = series
            .last()
            .is_some_and(|last| now_ns.saturating_sub(last.at_ns) < interval_ns.saturating_mul(2));
        let left = limit.filter(|_| fresh).and_then(|limit| left_ns(series.samples(), limit));
        left.is_some_and(|left| left < within_ns)
    };
    let cgroups = table.cgroups.iter().filter(|cgroup| is_hot(&cgroup.series, cgroup.limit.bytes()));
    let cgroups = cgroups.filter_map(|cgroup| Some((cgroup.parent, table.path(cgroup.id)?)));
    Hot {
        cgroups: cgroups.take(MOST).collect(),
        machine: table.machine.as_ref().is_some_and(|series| is_hot(series, table.totals.memory)),
    }
}

/// Returns the time until the limit is reached at the present rate, ns; `None` without growth.
fn left_ns(samples: &[Sample], limit: u64) -> Option<u64> {
    let last = samples.last()?;
    let before = samples.iter().rev().find(|sample| last.at_ns.saturating_sub(sample.at_ns) >= OVER_NS)?;
    // Leave out the page cache only if both samples have it.
    let has_file = [last, before].iter().all(|sample| sample.file.bytes().is_some());
    let held = |sample: &Sample| if has_file { sample.held_bytes() } else { sample.usage.bytes() };
    let (now, then) = (held(last)?, held(before)?);
    let growth = now.checked_sub(then).filter(|growth| *growth > limit / GROWTH_SHARE)?;
    let room = limit.saturating_sub(now);
    let time = u128::from(last.at_ns.saturating_sub(before.at_ns));
    u64::try_from(u128::from(room) * time / u128::from(growth.max(1))).ok()
}

#[cfg(test)]
mod tests {
    use super::{hot, left_ns};
    use crate::source::history::{
        series::Series,
        table::{Kib, Sample, Table},
    };

    const SECOND: u64 = 1_000_000_000;
    const MIB: u64 = 1 << 20;

    fn sample(at: u64, mib: u64) -> Sample {
        Sample { usage: Kib::of(Some(mib * MIB)), ..Sample::at(at * SECOND) }
    }

    #[test]
    fn computes_the_time_left_from_the_rate() {
        let samples = [sample(5, 10), sample(10, 60)];
        assert_eq!(left_ns(&samples, 160 * MIB), Some(10 * SECOND));
        assert_eq!(left_ns(&samples, 50 * MIB), Some(0));
        assert_eq!(left_ns(&[sample(5, 60), sample(10, 60)], 160 * MIB), None, "no growth");
        assert_eq!(left_ns(&[sample(5, 1000), sample(10, 1001)], 1002 * MIB), None, "hardly any");
        assert_eq!(left_ns(&samples[..1], 160 * MIB), None);
    }

    #[test]
    fn ignores_growth_of_page_cache() {
        let cached = |at, mib, file: u64| Sample { file: Kib::of(Some(file * MIB)), ..sample(at, mib) };
        assert_eq!(left_ns(&[cached(5, 10, 0), cached(10, 90, 80)], 100 * MIB), None);
    }

    #[test]
    fn reports_the_machine_only_with_fresh_samples() {
        let mut table = Table::new(0);
        table.totals.memory = Some(100 * MIB);
        let mut series = Series::new(sample(5, 10));
        series.push(sample(10, 60));
        table.machine = Some(series);
        assert!(hot(&table, 11 * SECOND, 5 * SECOND).machine);
        assert!(hot(&table, 40 * SECOND, 5 * SECOND).is_empty());
    }
}
