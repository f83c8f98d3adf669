//! The counts of empty passes and of acts that the kernel side holds back while they continue.

use std::mem;

use aya::maps::{HashMap, MapData};
use oomtrace_common::{
    event::{Act, ActRun, EmptyPasses, EmptyPassesRun, EmptyRun, UserKills},
    limits::{user_kill_count_ns, write_pause_ns},
};

/// Time after its last pass at which a run is forgotten, ns.
const FORGOTTEN_NS: u64 = 10_000_000_000;

/// A wrapper for the wire structs, because aya requires types with its own trait.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Plain<T>(T);

// SAFETY: `repr(C)` integers without padding; every bit pattern is valid.
unsafe impl aya::Pod for Plain<EmptyRun> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<EmptyPassesRun> {}

// SAFETY: as above.
unsafe impl aya::Pod for Plain<Act> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<ActRun> {}

/// The kernel side's table of acts of user space.
pub(crate) type ActTable = HashMap<MapData, Plain<Act>, Plain<ActRun>>;

/// The acts in progress. Only their first signals have frames of their own.
pub(crate) struct PendingActs {
    table: ActTable,
    sent: Sent,
}

impl PendingActs {
    /// Reads the map `ACTS`.
    #[must_use]
    pub(crate) const fn new(table: ActTable) -> Self {
        Self { table, sent: Sent { counts: Vec::new(), all: false } }
    }

    /// Returns the counts of acts that exceed those in frames and earlier calls, and whether an act may go on. Removes acts that ended
    /// long before `now_ns` from the table.
    pub(crate) fn unsent(&mut self, now_ns: u64) -> (Vec<UserKills>, bool) {
        let acts: Vec<(Plain<Act>, ActRun)> =
            self.table.iter().flatten().map(|(key, run)| (key, run.0)).collect();
        let kept_ns = |run: &ActRun| write_pause_ns(run.kills.count).max(FORGOTTEN_NS);
        let old = |run: &ActRun| now_ns.saturating_sub(run.kills.last_ns) > kept_ns(run);
        for (key, _) in acts.iter().filter(|(_, run)| old(run)) {
            // The entry may already have been removed.
            let _ = self.table.remove(key);
        }
        self.sent.next(acts.into_iter().map(|(_, run)| run), now_ns)
    }

    /// The stream ends: from now on, every count is due.
    pub(crate) const fn end(&mut self) {
        self.sent.all = true;
    }
}

/// The counts of acts that user space has sent.
struct Sent {
    /// The counts, and when they were sent. `CLOCK_BOOTTIME` ns.
    counts: Vec<(UserKills, u64)>,
    /// Whether all counts are due.
    all: bool,
}

impl Sent {
    /// Returns the counts to send now, and whether an act may go on. The kernel side sends the count of an act itself as long as signals
    /// arrive. It is sent here if the kernel side has not done so for as long.
    fn next(&mut self, acts: impl Iterator<Item = ActRun>, now_ns: u64) -> (Vec<UserKills>, bool) {
        let before = mem::take(&mut self.counts);
        let (mut unsent, mut goes_on) = (Vec::new(), false);
        for run in acts.filter(|run| run.kills.count > run.kills.told) {
            let kills = run.kills;
            let known =
                before.iter().find(|(sent, _)| (sent.of, sent.first_ns) == (kills.of, kills.first_ns));
            if let Some(known) = known.filter(|(sent, _)| sent.count == kills.count) {
                self.counts.push(*known);
                continue;
            }
            goes_on = true;
            let sent_ns = known.map_or(run.sent_ns, |(_, at)| run.sent_ns.max(*at));
            let period_ns = user_kill_count_ns(kills.last_ns.saturating_sub(kills.first_ns));
            if self.all || now_ns.saturating_sub(sent_ns) >= period_ns {
                self.counts.push((kills, now_ns));
                unsent.push(kills);
            } else {
                self.counts.extend(known.copied());
            }
        }
        (unsent, goes_on)
    }
}

/// The kernel side's table of runs.
pub(crate) type Table = HashMap<MapData, Plain<EmptyRun>, Plain<EmptyPassesRun>>;

/// The runs in progress.
pub(crate) struct PendingRuns {
    table: Table,
    sent: Vec<(u64, u64)>,
}

impl PendingRuns {
    /// Reads the map `EMPTY`.
    #[must_use]
    pub(crate) const fn new(table: Table) -> Self {
        Self { table, sent: Vec::new() }
    }

    /// Returns the runs whose counts exceed those in frames and earlier calls.
    /// Removes runs that ended long before `now_ns` from the table.
    pub(crate) fn unsent(&mut self, now_ns: u64) -> Vec<EmptyPasses> {
        let runs: Vec<(Plain<EmptyRun>, EmptyPassesRun)> =
            self.table.iter().flatten().map(|(key, run)| (key, run.0)).collect();
        let old = |run: &EmptyPassesRun| now_ns.saturating_sub(run.passes.last_ns) > FORGOTTEN_NS;
        for (key, _) in runs.iter().filter(|(_, run)| old(run)) {
            // The entry may already have been removed.
            let _ = self.table.remove(key);
        }
        let state = |run: &EmptyPassesRun| (run.passes.first_ns, run.passes.count);
        let fresh =
            |run: &&EmptyPassesRun| run.passes.last_ns > run.told_ns && !self.sent.contains(&state(run));
        let unsent: Vec<EmptyPasses> =
            runs.iter().map(|(_, run)| run).filter(fresh).map(|run| run.passes).collect();
        self.sent = runs.iter().map(|(_, run)| state(run)).collect();
        unsent
    }
}

#[cfg(test)]
mod tests {
    use oomtrace_common::event::{Act, ActRun, UserKills};

    use super::Sent;

    const MS: u64 = 1_000_000;

    /// An act that began at 1 s, with its last signal and the last frame of the kernel side at these times (ms).
    fn act(count: u64, last_ms: u64, sent_ms: u64) -> ActRun {
        let of = Act { sender_pid: 7, signal: 9, origin: 0, group: 0, sender_start_ns: 1, memcg: 5 };
        let kills = UserKills { of, first_ns: 1000 * MS, last_ns: last_ms * MS, count, told: 64 };
        ActRun { kills, sent_ns: sent_ms * MS }
    }

    fn counts(sent: &mut Sent, run: ActRun, now_ms: u64) -> (Vec<u64>, bool) {
        let (unsent, goes_on) = sent.next([run].into_iter(), now_ms * MS);
        (unsent.iter().map(|kills| kills.count).collect(), goes_on)
    }

    #[test]
    fn sends_each_new_count_of_a_short_act_once() {
        let mut sent = Sent { counts: Vec::new(), all: false };
        assert_eq!(counts(&mut sent, act(64, 1010, 1000), 1070), (vec![], false), "every signal has a frame");
        assert_eq!(
            counts(&mut sent, act(300, 1060, 1050), 1075),
            (vec![], true),
            "the kernel side may still send it"
        );
        assert_eq!(counts(&mut sent, act(300, 1060, 1050), 1100), (vec![300], true));
        assert_eq!(counts(&mut sent, act(300, 1060, 1050), 1125), (vec![], false));
        assert_eq!(counts(&mut sent, act(301, 1130, 1050), 1132), (vec![], true), "it was sent 32 ms ago");
        assert_eq!(counts(&mut sent, act(301, 1130, 1050), 1157), (vec![301], true));
    }

    #[test]
    fn sends_the_count_of_a_long_act_if_the_kernel_side_no_longer_does() {
        let mut sent = Sent { counts: Vec::new(), all: false };
        assert_eq!(
            counts(&mut sent, act(900, 2400, 2000), 2450),
            (vec![], true),
            "the kernel side may still send it"
        );
        assert_eq!(counts(&mut sent, act(900, 2400, 2000), 2500), (vec![900], true));
        assert_eq!(counts(&mut sent, act(950, 2700, 2000), 2800), (vec![], true), "it was sent 300 ms ago");
        assert_eq!(counts(&mut sent, act(950, 2700, 2000), 3000), (vec![950], true));
        assert_eq!(counts(&mut sent, act(950, 2700, 2000), 3062), (vec![], false), "it is over");
    }

    #[test]
    fn sends_every_count_at_the_end() {
        let mut sent = Sent { counts: Vec::new(), all: true };
        assert_eq!(counts(&mut sent, act(900, 2400, 2390), 2400), (vec![900], true));
    }
}
