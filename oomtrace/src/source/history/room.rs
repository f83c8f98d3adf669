//! Computes how much memory is held over time, and the maximum that can be held.

use super::table::Sample;
use crate::lead_up::curve::Point;

/// Appends the curve of held memory: usage without page cache (if it was read), plus swap.
/// If a sample lacks a part, the value of the previous sample is used.
pub(super) fn curve(samples: &[Sample], points: &mut Vec<Point>) {
    let (mut file, mut swap) = (None, 0);
    for sample in samples {
        file = sample.file.bytes().or(file);
        swap = sample.swap.bytes().unwrap_or(swap);
        if let Some(usage) = sample.usage.bytes() {
            let bytes = usage.saturating_sub(file.unwrap_or(0)).saturating_add(swap);
            points.push(Point { at_ns: sample.at_ns, bytes });
        }
    }
}

/// Swap of the machine, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Swap {
    pub(super) total: u64,
    pub(super) used: u64,
}

/// Returns the most memory that a cgroup can hold: its limit plus the swap that it has or that is free, up to its swap limit.
pub(super) fn of_cgroup(limit: u64, swap_limit: Option<u64>, own_swap: u64, swap: Swap) -> u64 {
    let within_reach = own_swap.saturating_add(swap.total.saturating_sub(swap.used));
    limit.saturating_add(within_reach.min(swap.total).min(swap_limit.unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::{Swap, curve, of_cgroup};
    use crate::{
        lead_up::curve::Point,
        source::history::table::{Kib, Sample},
    };

    const MIB: u64 = 1 << 20;

    #[test]
    fn counts_swap_but_not_page_cache_as_held() {
        let mib = |mib: u64| Kib::of(Some(mib * MIB));
        let usage = |at, usage| Sample { usage: mib(usage), ..Sample::at(at) };
        let whole = Sample { file: mib(4), swap: mib(3), ..usage(1, 10) };
        let unread = Sample::at(3);
        let mut points = Vec::new();
        curve(&[whole, usage(2, 11), unread, usage(4, 2)], &mut points);
        let point = |at_ns, mib| Point { at_ns, bytes: mib * MIB };
        assert_eq!(points, [point(1, 9), point(2, 10), point(4, 3)]);
    }

    #[test]
    fn limits_swap_to_what_is_free_and_allowed() {
        let swap = Swap { total: 100, used: 30 };
        assert_eq!(of_cgroup(1000, None, 0, Swap::default()), 1000, "there is none");
        assert_eq!(of_cgroup(1000, None, 0, swap), 1070);
        assert_eq!(of_cgroup(1000, None, 10, swap), 1080, "its own swap is held already");
        assert_eq!(of_cgroup(1000, None, 90, swap), 1100, "not more than there is");
        assert_eq!(of_cgroup(1000, Some(0), 0, swap), 1000);
        assert_eq!(of_cgroup(u64::MAX, Some(20), 0, swap), u64::MAX);
    }
}
