//! How often something is read while decisions come fast.

/// The least time between two looks, in the time that one takes: a look never costs more than a fiftieth of one processor,
/// however large the machine and its files are.
const TIMES_ITS_OWN: u64 = 50;

/// The time of the next look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// The least time between the beginnings of two looks, ns.
    every_ns: u64,
    next_ns: u64,
}

impl Pace {
    pub(super) const fn new(every_ns: u64) -> Self {
        Self { every_ns, next_ns: 0 }
    }

    /// Whether it is time again.
    pub(super) const fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.next_ns
    }

    /// A look that began and ended then.
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
    fn a_look_is_due_after_its_time_and_fifty_times_what_it_took() {
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
