//! The kernel's score as pure functions: the points of a task, the size that they are measured against, and the choice among
//! tasks. It is the same in all kernels from 5.10 to 7.3; kernels differ only in which reading of the counters they use
//! (`incident::Counters`).
//!
//! Reports contain the kernel's own result. This module checks it, and answers questions of the form "what if".

/// The `oom_score_adj` that exempts a task.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/oom.h#L9> (`OOM_SCORE_ADJ_MIN`)
pub(crate) const ADJ_MIN: i16 = -1000;

/// The highest `oom_score_adj`.
pub(crate) const ADJ_MAX: i16 = 1000;

/// The pages that `oom_score_adj` adds (negative: subtracts). The division comes first, so in a domain of less than 1000 pages
/// it adds nothing.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L238>
#[must_use]
pub(crate) fn adj_pages(adj: i16, total_pages: u64) -> i64 {
    let thousandths = i64::try_from(total_pages / 1000).unwrap_or(i64::MAX);
    i64::from(adj).saturating_mul(thousandths)
}

/// A task's points, in pages; may be negative. `None` for a task with [`ADJ_MIN`], which the kernel passes over.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L202> (`oom_badness`)
#[must_use]
pub(crate) fn points(base_pages: u64, adj: i16, total_pages: u64) -> Option<i64> {
    let base = i64::try_from(base_pages).unwrap_or(i64::MAX);
    (adj != ADJ_MIN).then(|| base.saturating_add(adj_pages(adj, total_pages)))
}

/// The task that the kernel chooses: the one with the most points, and of several with equal points the last one it examines.
/// `candidates` are in the order of examination.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L351> (`oom_evaluate_task`)
pub(crate) fn choose<T>(candidates: impl IntoIterator<Item = (T, i64)>) -> Option<(T, i64)> {
    candidates.into_iter().reduce(|best, next| if next.1 < best.1 { best } else { next })
}

/// The highest `oom_score_adj` at which a task that has these points at `adj` would have at most `most` points. [`ADJ_MIN`],
/// which exempts the task, if no other value is low enough.
#[must_use]
pub(crate) fn adj_for_at_most(most: i64, points: i64, adj: i16, total_pages: u64) -> i16 {
    let thousandths = i128::from(total_pages / 1000);
    let room = i128::from(most) - i128::from(points);
    if thousandths == 0 {
        return if room < 0 { ADJ_MIN } else { ADJ_MAX };
    }
    // Rounded down, because one unit more would exceed `most`.
    let wanted = i128::from(adj) + room.div_euclid(thousandths);
    in_range(wanted).unwrap_or(ADJ_MAX)
}

/// The lowest `oom_score_adj` at which a task that has these points at `adj` would have at least `least` points; `None` if even
/// [`ADJ_MAX`] is not enough.
#[must_use]
pub(crate) fn adj_for_at_least(least: i64, points: i64, adj: i16, total_pages: u64) -> Option<i16> {
    let thousandths = i128::from(total_pages / 1000);
    let lack = i128::from(least) - i128::from(points);
    if thousandths == 0 {
        return (lack <= 0).then_some(ADJ_MIN + 1);
    }
    // Rounded up, because one unit less would be below `least`.
    let wanted = i128::from(adj) - (-lack).div_euclid(thousandths);
    // A task with the lowest value is passed over, whatever its points.
    in_range(wanted.max(i128::from(ADJ_MIN) + 1))
}

/// An `oom_score_adj`: the lowest one for any value below the range, `None` for a value above it.
fn in_range(wanted: i128) -> Option<i16> {
    let wanted = wanted.max(i128::from(ADJ_MIN));
    i16::try_from(wanted).ok().filter(|adj| *adj <= ADJ_MAX)
}

/// The size that scores in a v2 cgroup are measured against: its own limit, and the swap it may use. Tighter limits of
/// ancestors do not count. All values are in pages. A limit that is not set is the kernel's `PAGE_COUNTER_MAX`.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1610> (`mem_cgroup_get_max`)
#[must_use]
pub(crate) fn memcg_total_pages(limit: u64, swap_limit: u64, machine_swap: u64, swappiness: u64) -> u64 {
    let swap = if swappiness == 0 { 0 } else { swap_limit.min(machine_swap) };
    // `constrained_alloc` uses 1 instead of 0.
    limit.saturating_add(swap).max(1)
}

/// The same for a v1 cgroup, whose second limit applies to memory and swap together.
#[must_use]
pub(crate) fn memcg_v1_total_pages(limit: u64, memsw_limit: u64, machine_swap: u64, swappiness: u64) -> u64 {
    memcg_total_pages(limit, memsw_limit.saturating_sub(limit), machine_swap, swappiness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjustment_has_no_effect_in_a_small_domain() {
        assert_eq!(adj_pages(500, 999), 0);
        assert_eq!(adj_pages(500, 1000), 500);
        assert_eq!(adj_pages(-999, 131_072), -130_869);
        assert_eq!(points(768, 500, 768), Some(768));
    }

    #[test]
    fn points_may_be_negative_and_adj_min_has_none() {
        assert_eq!(points(100, -900, 65_536), Some(100 - 900 * 65));
        assert_eq!(points(100, ADJ_MIN, 65_536), None);
    }

    #[test]
    fn takes_the_last_of_several_with_equal_points() {
        assert_eq!(choose([('a', 5), ('b', 7), ('c', 7), ('d', -1)]), Some(('c', 7)));
        assert_eq!(choose([('a', -9)]), Some(('a', -9)));
        assert_eq!(choose(Vec::<((), i64)>::new()), None);
    }

    /// Compares the two functions with a search over all values.
    #[test]
    fn turning_values_equal_an_exhaustive_search() {
        let cases =
            [(100, 70, 0), (-57_794, 12, -900), (15_000, 15_000, 300), (5, 900_000, 999), (0, 1, -1000)];
        for total_pages in [0, 999, 1000, 16_384, 65_536, 500_000] {
            for (base, wanted, adj) in cases {
                let at = |adj: i16| base + adj_pages(adj, total_pages);
                let alive = || ADJ_MIN + 1..=ADJ_MAX;
                let most = alive().rev().find(|adj| at(*adj) <= wanted).unwrap_or(ADJ_MIN);
                let least = alive().find(|adj| at(*adj) >= wanted);
                let place = format!("{base} {wanted} {adj} of {total_pages}");
                assert_eq!(adj_for_at_most(wanted, at(adj), adj, total_pages), most, "{place}");
                assert_eq!(adj_for_at_least(wanted, at(adj), adj, total_pages), least, "{place}");
            }
        }
    }

    #[test]
    fn turning_values_do_not_overflow() {
        assert_eq!(adj_for_at_most(i64::MIN, i64::MAX, 1000, u64::MAX), -1);
        assert_eq!(adj_for_at_least(i64::MAX, i64::MIN, 1000, 1000), None);
        assert_eq!(
            adj_for_at_most(7, 8, 0, 999),
            ADJ_MIN,
            "below 1000 pages only the lowest value has an effect"
        );
        assert_eq!(adj_for_at_least(8, 7, 0, 999), None);
    }

    #[test]
    fn counts_swap_only_if_it_may_be_used() {
        assert_eq!(memcg_total_pages(100, 50, 20, 60), 120);
        assert_eq!(memcg_total_pages(100, 50, 20, 0), 100);
        assert_eq!(memcg_total_pages(0, 0, 20, 60), 1);
        assert_eq!(memcg_v1_total_pages(100, 130, 1000, 60), 130);
    }
}
