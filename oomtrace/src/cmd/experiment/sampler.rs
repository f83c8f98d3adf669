//! Samples the counters of each cgroup of a run, and of the machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{ground::meminfo, scratch::Tree};
use crate::{
    experiment::{
        plan::Cgroup,
        run::{Counters, Sample},
    },
    kernel::clock,
    source::cgroup::cgroupfs::MemoryHierarchy,
};

/// Counters of `/proc/vmstat` that grow while the machine reclaims: scanned pages, and allocations that had to wait for
/// reclaim, by zone.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/vmstat.c#L1260> (`vmstat_text`)
const RECLAIMS: [&str; 6] = [
    "pgscan_kswapd",
    "pgscan_direct",
    "allocstall_dma",
    "allocstall_dma32",
    "allocstall_normal",
    "allocstall_movable",
];

/// The files to read.
pub(super) struct Sampler {
    is_v2: bool,
    /// Directories of cgroups, with their paths below the mount.
    cgroups: Vec<(String, PathBuf)>,
    total_bytes: u64,
}

impl Sampler {
    pub(super) fn new(hierarchy: &MemoryHierarchy, tree: &Tree, cgroups: &[Cgroup]) -> Self {
        let inside = cgroups
            .iter()
            .map(|cgroup| (format!("{}/{}", tree.top, cgroup.path), tree.directory.join(&cgroup.path)));
        // The experiment's own cgroup is the parent of the run's and has the limit for everything.
        let around = tree.top.rsplit_once('/').map(|(around, _)| around.to_owned());
        let around = around.zip(tree.directory.parent().map(Path::to_owned));
        let top = (tree.top.clone(), tree.directory.clone());
        Self {
            is_v2: matches!(hierarchy, MemoryHierarchy::V2(_)),
            cgroups: around.into_iter().chain([top]).chain(inside).collect(),
            total_bytes: meminfo("MemTotal").unwrap_or(0),
        }
    }

    /// Takes one sample.
    pub(super) fn sample(&self) -> Sample {
        let cgroups = self.cgroups.iter();
        let mut levels: std::collections::BTreeMap<String, Counters> =
            cgroups.filter_map(|(path, directory)| Some((path.clone(), self.cgroup(directory)?))).collect();
        levels.extend(self.machine().map(|counters| (String::new(), counters)));
        Sample { boot_ns: clock::boot_ns(), levels }
    }

    /// `memory.events` counts how often the usage was about to exceed `memory.high` or `memory.max`, which is when reclaim
    /// starts. On v1, `memory.failcnt` counts that.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L2200> (`try_charge_memcg`)
    fn cgroup(&self, directory: &Path) -> Option<Counters> {
        let number = |file: &str| fs::read_to_string(directory.join(file)).ok()?.trim().parse().ok();
        if !self.is_v2 {
            let usage_bytes = number("memory.usage_in_bytes")?;
            return Some(Counters { usage_bytes, reclaims: number("memory.failcnt")? });
        }
        let events = fs::read_to_string(directory.join("memory.events")).ok()?;
        Some(Counters { usage_bytes: number("memory.current")?, reclaims: sum(&events, &["high", "max"]) })
    }

    fn machine(&self) -> Option<Counters> {
        let vmstat = fs::read_to_string("/proc/vmstat").ok()?;
        Some(Counters {
            usage_bytes: self.total_bytes.saturating_sub(meminfo("MemAvailable")?),
            reclaims: sum(&vmstat, &RECLAIMS),
        })
    }
}

/// Adds up the numbers of lines `NAME NUMBER`.
fn sum(text: &str, names: &[&str]) -> u64 {
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs
        .filter(|(name, _)| names.contains(name))
        .filter_map(|(_, value)| value.trim().parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn matches_whole_names() {
        assert_eq!(sum("low 1\nhigh 2\nmax 3\noom 4\nmax_x 9\n", &["high", "max"]), 5);
    }
}
