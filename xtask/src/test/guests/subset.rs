//! The subset of the matrix that every test run includes. `cargo xtask vm` runs the whole matrix.

use oomtrace_scenarios::job::Tier;

/// Every scenario of a slice runs on each of its series with each of its tiers.
pub(super) struct Slice {
    /// The reason for the slice.
    pub(super) name: &'static str,
    /// The series, old to new.
    pub(super) series: &'static [&'static str],
    /// The tiers.
    pub(super) tiers: &'static [Tier],
    /// The scenarios. Empty for all.
    pub(super) scenarios: &'static [&'static str],
}

/// Every series, old to new.
pub(super) const SERIES: [&str; 5] = ["5.10", "6.1", "6.12", "6.18", "7.3"];

/// A scenario for each verdict and each policy.
const SCENARIOS: [&str; 8] = [
    "cgroup",
    "parent",
    "oom_group",
    "cgroup_allocating",
    "odd_comm",
    "global",
    "global_allocating",
    "cgroup_v1",
];

/// The slices.
pub(super) const SUBSET: [Slice; 5] = [
    Slice {
        name: "everything on the newest kernel",
        series: &["7.3"],
        tiers: &[Tier::Fentry],
        scenarios: &[],
    },
    Slice {
        name: "everything on the oldest kernel",
        series: &["5.10"],
        tiers: &[Tier::Kprobe],
        scenarios: &[],
    },
    Slice {
        name: "verdicts and policies in between",
        series: &["6.1", "6.12"],
        tiers: &Tier::ALL,
        scenarios: &SCENARIOS,
    },
    Slice {
        name: "verdicts and policies without a look inside",
        series: &["5.10", "7.3"],
        tiers: &[Tier::Tracepoint],
        scenarios: &SCENARIOS,
    },
    // 6.18 counts resident pages as 6.12 does, and otherwise has the layout of 7.3. Its hooks attach as those of 6.12 and 7.3
    // do, so only the combination needs a test.
    Slice {
        name: "a mixture of 6.12 and 7.3",
        series: &["6.18"],
        tiers: &[Tier::Fentry],
        scenarios: &SCENARIOS,
    },
];

/// The slices of arm64. The oldest kernel has neither trampolines nor prototypes of static functions. The newest one has pages
/// of 16 KiB.
pub(super) const AARCH64: [Slice; 2] = [
    Slice {
        name: "the oldest kernel of arm64",
        series: &["5.10"],
        tiers: &[Tier::Kprobe],
        scenarios: &["cgroup", "global"],
    },
    Slice {
        name: "pages of 16 KiB on arm64",
        series: &["7.3-16k"],
        tiers: &[Tier::Fentry],
        scenarios: &["cgroup", "global"],
    },
];

#[cfg(test)]
mod tests {
    use super::{AARCH64, SCENARIOS, SERIES, SUBSET};

    #[test]
    fn every_series_is_in_the_subset() {
        for series in SERIES {
            assert!(SUBSET.iter().any(|slice| slice.series.contains(&series)), "{series}");
        }
        assert!(SUBSET.iter().flat_map(|slice| slice.series).all(|series| SERIES.contains(series)));
    }

    #[test]
    fn every_named_scenario_exists() {
        for slice in SUBSET.iter().chain(&AARCH64) {
            let names: Vec<String> = slice.scenarios.iter().map(|&name| name.to_owned()).collect();
            let chosen = crate::vm::choose(&names).unwrap().len();
            assert!(
                chosen == names.len() || (names.is_empty() && chosen > SCENARIOS.len()),
                "{}",
                slice.name
            );
        }
    }
}
