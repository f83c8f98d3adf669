//! Kills that the kernel counted and that were not reported.

use std::{
    fs,
    time::{Duration, Instant},
};

/// The time after which a kill without a report counts as unreported. The longest incidents stay open for seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The kernel's count of kills, `oom_kill` in `/proc/vmstat`; `None` if it cannot be read.
pub(super) fn kernel_count() -> Option<u64> {
    oom_kill(&fs::read_to_string("/proc/vmstat").ok()?)
}

fn oom_kill(vmstat: &str) -> Option<u64> {
    vmstat.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// Compares the kernel's count with that of the reports a minute later. The result never decreases, and it may be too small but
/// not too large: reports of later kills may hide a missing one for a while.
#[derive(Debug)]
pub(super) struct Unreported {
    /// The kernel's count at the start.
    base: u64,
    /// An earlier sample that waits for its reports: its time, and the kills since the start.
    sample: Option<(Instant, u64)>,
    found: u64,
}

impl Unreported {
    pub(super) const fn since(base: u64) -> Self {
        Self { base, sample: None, found: 0 }
    }

    /// The kernel's count since the start.
    pub(super) const fn kills(&self, kernel: u64) -> u64 {
        kernel.saturating_sub(self.base)
    }

    /// The number of kills that have had no report for a minute.
    pub(super) fn look(&mut self, now: Instant, kernel: u64, reported: u64) -> u64 {
        let due = self.sample.filter(|(at, _)| now.saturating_duration_since(*at) >= PATIENCE);
        if let Some((_, kills)) = due {
            self.found = self.found.max(kills.saturating_sub(reported));
            self.sample = None;
        }
        self.sample = self.sample.or(Some((now, self.kills(kernel))));
        self.found
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{PATIENCE, Unreported, kernel_count, oom_kill};

    #[test]
    fn counts_a_kill_without_a_report_after_a_minute() {
        let start = Instant::now();
        let mut unreported = Unreported::since(100);
        assert_eq!(unreported.look(start, 103, 0), 0);
        // Two kills were reported, one was not.
        assert_eq!(unreported.look(start + PATIENCE / 2, 103, 2), 0);
        assert_eq!(unreported.look(start + PATIENCE, 103, 2), 1);
        // Its report comes late. A counter must not decrease.
        assert_eq!(unreported.look(start + 3 * PATIENCE, 103, 3), 1);
        assert_eq!(unreported.kills(103), 3);
    }

    #[test]
    fn does_not_count_kills_of_the_last_minute() {
        let start = Instant::now();
        let mut unreported = Unreported::since(0);
        assert_eq!(unreported.look(start, 0, 0), 0);
        assert_eq!(unreported.look(start + PATIENCE, 50, 0), 0);
        assert_eq!(unreported.look(start + PATIENCE + Duration::from_secs(1), 50, 50), 0);
        assert_eq!(unreported.look(start + 2 * PATIENCE, 50, 50), 0);
    }

    #[test]
    fn reads_the_count_from_vmstat() {
        assert_eq!(oom_kill("nr_free_pages 7\noom_kill 42\noom_kills 1\n"), Some(42));
        assert_eq!(oom_kill("nr_free_pages 7\n"), None);
        assert!(kernel_count().is_some());
    }
}
