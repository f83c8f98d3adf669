//! Limits how often something is read when decisions follow each other quickly.

/// Minimum time between two reads, as a multiple of the time that a read takes.
/// The reads therefore use at most a fiftieth of one CPU, however large the machine and its files are.
const TIMES_ITS_OWN: u64 = 50;

/// The time of the next read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// Minimum time between the beginnings of two reads, ns.
    every_ns: u64,
    next_ns: u64,
}

impl Pace {
    pub(super) const fn new(every_ns: u64) -> Self {
        Self { every_ns, next_ns: 0 }
    }

    /// Whether the next read is due.
    pub(super) const fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.next_ns
    }

    /// Records a read that began and ended at these times.
    pub(super) fn looked(&mut self, begun_ns: u64, ended_ns: u64) {
        let took_ns = ended_ns.saturating_sub(begun_ns);
        let pause_ns = took_ns.saturating_mul(TIMES_ITS_OWN).max(self.every_ns);
        self.next_ns = begun_ns.saturating_add(pause_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn waits_the_interval_or_fifty_times_the_cost() {
        let mut pace = Pace::new(1000);
        assert!(pace.is_due(0));
        pace.looked(500, 510);
        assert!(!pace.is_due(1499) && pace.is_due(1500));
        pace.looked(2000, 2100);
        assert!(!pace.is_due(6999) && pace.is_due(7000));
        pace.looked(9000, 0);
        assert!(pace.is_due(10_000));
    }
}
