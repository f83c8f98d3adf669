//! Reads memory pressure while it lasts: when user space has sent SIGKILL, once for each burst.

use std::{collections::BTreeMap, ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, path::Path};

use oomtrace_common::{event::Memcg, limits::USER_KILL_BURST_NS};

use super::cgroupfs::MemoryHierarchy;
use crate::{
    cgroup,
    context::{CgroupPressure, Pressure, Stall},
};

/// Maximum number of cgroup levels that are remembered to build paths.
const LEVELS: usize = 256;

/// Reads pressure of the machine and its cgroups from procfs and the memory hierarchy.
#[derive(Debug, Default)]
pub struct PressureGauge {
    hierarchy: Option<MemoryHierarchy>,
    levels: BTreeMap<u64, Memcg>,
    /// The cgroup that was read last, and the time, `CLOCK_BOOTTIME` ns.
    asked: Option<(u64, u64)>,
}

impl PressureGauge {
    /// Uses the mounted hierarchy.
    #[must_use]
    pub fn new() -> Self {
        Self { hierarchy: MemoryHierarchy::find(), ..Self::default() }
    }

    /// Stores a level of a path that the kernel side sent.
    pub fn keep_level(&mut self, memcg: Memcg) {
        if self.levels.len() >= LEVELS {
            self.levels.clear();
        }
        self.levels.insert(memcg.id, memcg);
    }

    /// Reads the pressure on a cgroup and on the machine; `None` if it was already read in this burst of kills.
    pub fn read(&mut self, memcg: u64, now_ns: u64) -> Option<Pressure> {
        let fresh = |(of, at): (u64, u64)| of == memcg && now_ns.saturating_sub(at) < USER_KILL_BURST_NS;
        if self.asked.is_some_and(fresh) {
            return None;
        }
        self.asked = Some((memcg, now_ns));
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let bytes = |name| number(&meminfo, name).map(|kib| kib.saturating_mul(1024));
        Some(Pressure {
            memcg,
            total_bytes: bytes("MemTotal:"),
            available_bytes: bytes("MemAvailable:"),
            swap_total_bytes: bytes("SwapTotal:"),
            swap_free_bytes: bytes("SwapFree:"),
            stall: stall(Path::new("/proc/pressure/memory")),
            cgroups: self.cgroups(memcg),
        })
    }

    fn cgroups(&self, leaf: u64) -> Vec<CgroupPressure> {
        let Some(hierarchy) = &self.hierarchy else { return Vec::new() };
        let levels = cgroup::chain(&self.levels, leaf);
        let below_root = levels.into_iter().filter(|memcg| memcg.parent != 0);
        below_root.filter_map(|memcg| self.cgroup(hierarchy, memcg.id)).collect()
    }

    fn cgroup(&self, hierarchy: &MemoryHierarchy, memcg: u64) -> Option<CgroupPressure> {
        let path = cgroup::path(&self.levels, memcg)?;
        let below = path.as_bytes().strip_prefix(b"/")?;
        let directory = hierarchy.mount().join(OsStr::from_bytes(below));
        let text = |name| fs::read_to_string(directory.join(name)).unwrap_or_default();
        let (stat, events) = (text("memory.stat"), text("memory.events"));
        Some(CgroupPressure {
            memcg,
            stall: stall(&directory.join("memory.pressure")),
            inactive_file_bytes: hierarchical(&stat, "total_inactive_file"),
            active_file_bytes: hierarchical(&stat, "total_active_file"),
            slab_reclaimable_bytes: hierarchical(&stat, "total_slab_reclaimable"),
            high_events: number(&events, "high"),
            max_events: number(&events, "max"),
        })
    }
}

/// Reads a PSI file.
/// <https://github.com/torvalds/linux/blob/v6.12/Documentation/accounting/psi.rst>
fn stall(file: &Path) -> Option<Stall> {
    parse_stall(&fs::read_to_string(file).ok()?)
}

pub(in crate::source) fn parse_stall(text: &str) -> Option<Stall> {
    let average = |kind: &str| {
        let mut words = text.lines().find_map(|line| line.strip_prefix(kind))?.split_whitespace();
        words.find_map(|word| word.strip_prefix("avg10=")).and_then(|percent| percent.parse().ok())
    };
    Some(Stall { some_avg10: average("some ")?, full_avg10: average("full ") })
}

/// Returns a value of `memory.stat` that includes all cgroups below: on v1 the name with `total_`, on v2 the name without it.
fn hierarchical(stat: &str, total: &str) -> Option<u64> {
    number(stat, total).or_else(|| number(stat, total.strip_prefix("total_")?))
}

/// Returns the number after a name at the beginning of a line.
pub(in crate::source) fn number(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| {
        words.next().filter(|word| *word == name).and_then(|_| words.next()?.parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::{PressureGauge, Stall, hierarchical, number, parse_stall};

    #[test]
    fn parses_a_pressure_file_with_or_without_full() {
        let file = "some avg10=34.51 avg60=9.00 avg300=2.11 total=123\nfull avg10=0.07 avg60=0.00 avg300=0.00 total=9\n";
        assert_eq!(parse_stall(file), Some(Stall { some_avg10: 34.51, full_avg10: Some(0.07) }));
        let of_cpu = "some avg10=1.00 avg60=0.00 avg300=0.00 total=1\n";
        assert_eq!(parse_stall(of_cpu), Some(Stall { some_avg10: 1.0, full_avg10: None }));
        assert_eq!(parse_stall(""), None);
    }

    #[test]
    fn matches_whole_names_only() {
        let stat = "inactive_file 4096\ntotal_inactive_file 8192\nMemTotal:  100 kB\n";
        assert_eq!(number(stat, "inactive_file"), Some(4096));
        assert_eq!(number(stat, "MemTotal:"), Some(100));
        assert_eq!(number(stat, "inactive"), None);
        assert_eq!(hierarchical(stat, "total_inactive_file"), Some(8192), "v1");
        assert_eq!(hierarchical("inactive_file 1\n", "total_inactive_file"), Some(1), "v2");
        assert_eq!(hierarchical(stat, "total_active_file"), None);
    }

    #[test]
    fn reads_pressure_once_per_burst() {
        let mut gauge = PressureGauge::new();
        let first = gauge.read(7, 1_000_000_000).unwrap();
        assert!(first.total_bytes > first.available_bytes, "{first:?}");
        assert_eq!(gauge.read(7, 1_050_000_000), None);
        assert!(gauge.read(8, 1_060_000_000).is_some(), "another cgroup");
        assert!(gauge.read(8, 1_200_000_000).is_some(), "later");
    }
}
