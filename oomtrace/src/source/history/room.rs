//! How much memory is held over time, and how much may be held at most.

use super::table::Sample;
use crate::lead_up::curve::Point;

/// Appends the curve of held memory: without page cache where that was read, with swap. Parts that a sample did not read are those of
/// the one before.
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

/// Swap of the machine, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Swap {
    pub(super) total: u64,
    pub(super) used: u64,
}

/// The most that a cgroup can hold: its limit, and the swap that it has or that is free, up to its limit of swap.
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
    fn page_cache_is_not_held_and_swap_is() {
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
    fn swap_makes_room_as_far_as_it_is_free_and_allowed() {
        let swap = Swap { total: 100, used: 30 };
        assert_eq!(of_cgroup(1000, None, 0, Swap::default()), 1000, "there is none");
        assert_eq!(of_cgroup(1000, None, 0, swap), 1070);
        assert_eq!(of_cgroup(1000, None, 10, swap), 1080, "its own swap is held already");
        assert_eq!(of_cgroup(1000, None, 90, swap), 1100, "not more than there is");
        assert_eq!(of_cgroup(1000, Some(0), 0, swap), 1000);
        assert_eq!(of_cgroup(u64::MAX, Some(20), 0, swap), u64::MAX);
    }
}
