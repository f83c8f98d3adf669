//! Limits how many decisions get their history when decisions follow each other quickly.

use crate::source::pace::Pace;

/// Maximum number of histories in any [`EVERY_NS`]. Cgroups that run out at the same time all get one, and a storm of kills
/// costs little more.
const MOST: usize = 8;

/// The time span for [`MOST`], ns.
const EVERY_NS: u64 = 1_000_000_000;

/// A history that took longer than this is followed by a pause, ns.
const LONG_NS: u64 = 2_000_000;

/// The times of the last histories.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    /// The time of each, `CLOCK_BOOTTIME` ns; 0 if not set.
    sent_ns: [u64; MOST],
    /// The index of the oldest one.
    oldest: usize,
    pace: Pace,
}

impl Burst {
    pub(super) const fn new() -> Self {
        Self { sent_ns: [0; MOST], oldest: 0, pace: Pace::new(0) }
    }

    /// Whether another history may be sent.
    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        let oldest_ns = self.sent_ns.get(self.oldest).copied().unwrap_or(0);
        let has_room = oldest_ns == 0 || now_ns.saturating_sub(oldest_ns) >= EVERY_NS;
        has_room && self.pace.is_due(now_ns)
    }

    /// Records a history that was written between these times.
    pub(super) fn sent(&mut self, begun_ns: u64, ended_ns: u64) {
        if let Some(oldest) = self.sent_ns.get_mut(self.oldest) {
            *oldest = begun_ns;
        }
        self.oldest = (self.oldest + 1) % MOST;
        if ended_ns.saturating_sub(begun_ns) > LONG_NS {
            self.pace.looked(begun_ns, ended_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Burst, EVERY_NS, LONG_NS, MOST};

    #[test]
    fn limits_histories_per_second() {
        let mut burst = Burst::new();
        let sent = (0..1000).filter(|at| {
            let now = EVERY_NS + at * 1_000_000;
            let is_due = burst.is_due(now);
            if is_due {
                burst.sent(now, now + 1);
            }
            is_due
        });
        assert_eq!(sent.count(), MOST);
        assert!(burst.is_due(2 * EVERY_NS), "a second after the first one");
    }

    #[test]
    fn pauses_after_a_slow_history() {
        let mut burst = Burst::new();
        burst.sent(EVERY_NS, EVERY_NS + LONG_NS + 1);
        assert!(!burst.is_due(EVERY_NS + 2 * LONG_NS) && burst.is_due(EVERY_NS + 51 * LONG_NS));
    }
}
