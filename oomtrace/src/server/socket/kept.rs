//! The last reports, which questions and subscriptions read. They have a limited size, and all clients share them.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use crate::server::facts::Facts;

/// The maximum number of reports.
const REPORTS: usize = 1000;

/// The maximum size of all reports in bytes. The last one is always kept.
const BYTES: usize = 4 << 20;

/// The maximum number of open incidents that are known.
const OPEN: usize = 256;

/// A report.
pub(super) struct Kept {
    pub(super) facts: Arc<Facts>,
    /// The report as one line of JSON.
    pub(super) json: Bytes,
    /// Reports just before this one that the queue to this thread had no room for.
    dropped: u64,
}

/// The last reports, by number.
#[derive(Default)]
pub(super) struct Reports {
    kept: VecDeque<Arc<Kept>>,
    /// Decisions whose incidents are still open.
    open: VecDeque<Arc<Facts>>,
    /// The number of the first kept report.
    first: u64,
    bytes: usize,
    /// Reports that the queue had no room for.
    dropped: u64,
}

/// The next report of a subscription.
pub(super) struct Next {
    /// Reports before it that this client missed.
    pub(super) lost: u64,
    pub(super) report: Arc<Kept>,
}

impl Reports {
    /// Adds a decision. Its report follows, usually a second later.
    pub(super) fn open(&mut self, facts: Arc<Facts>) {
        self.open.push_back(facts);
        if self.open.len() > OPEN {
            self.open.pop_front();
        }
    }

    /// The decisions whose reports are not here yet.
    pub(super) fn still_open(&self) -> impl Iterator<Item = &Facts> {
        self.open.iter().map(AsRef::as_ref)
    }

    /// Adds a report. `dropped` is the number of reports that the queue has had no room for since the start.
    pub(super) fn push(&mut self, facts: Arc<Facts>, json: Bytes, dropped: u64) {
        self.open.retain(|open| open.id != facts.id);
        self.bytes += json.len();
        let since = dropped.saturating_sub(self.dropped);
        self.dropped = dropped;
        self.kept.push_back(Arc::new(Kept { facts, json, dropped: since }));
        while self.kept.len() > 1 && (self.kept.len() > REPORTS || self.bytes > BYTES) {
            let oldest = self.kept.pop_front();
            self.bytes -= oldest.map_or(0, |report| report.json.len());
            self.first += 1;
        }
    }

    /// The number that the next report gets.
    pub(super) fn end(&self) -> u64 {
        self.first + u64::try_from(self.kept.len()).unwrap_or(u64::MAX)
    }

    /// Whether every report since the start is still here.
    pub(super) const fn is_complete(&self) -> bool {
        self.first == 0 && self.dropped == 0
    }

    /// The reports, the oldest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<Kept>> {
        self.kept.iter()
    }

    /// The report with this number, or the oldest one after it. Advances the number past it.
    pub(super) fn next(&self, number: &mut u64) -> Option<Next> {
        let at = (*number).max(self.first);
        let report = self.kept.get(usize::try_from(at - self.first).ok()?)?;
        let lost = (at - *number).saturating_add(report.dropped);
        *number = at + 1;
        Some(Next { lost, report: Arc::clone(report) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{BYTES, Facts, REPORTS, Reports};
    use crate::sink::terminal::example;

    fn with(reports: usize, bytes: usize) -> Reports {
        let facts = Arc::new(Facts::of(&example::memcg_kill()));
        let mut kept = Reports::default();
        (0..reports).for_each(|_| kept.push(Arc::clone(&facts), vec![b'x'; bytes].into(), 0));
        kept
    }

    #[test]
    fn limits_number_and_size() {
        let many = with(REPORTS + 5, 1);
        assert_eq!((many.all().count(), many.first, many.end()), (REPORTS, 5, 1005));
        let large = with(10, BYTES / 4);
        assert_eq!((large.all().count(), large.bytes, large.is_complete()), (4, BYTES, false));
        assert_eq!(with(2, 2 * BYTES).all().count(), 1);
        assert!(with(REPORTS, 1).is_complete());
    }

    #[test]
    fn decision_is_open_until_its_report_comes() {
        let facts = Arc::new(Facts::of(&example::memcg_kill()));
        let mut reports = Reports::default();
        (0..300).for_each(|_| reports.open(Arc::clone(&facts)));
        assert_eq!(reports.still_open().count(), 256);
        reports.push(facts, vec![b'x'].into(), 0);
        assert_eq!((reports.still_open().count(), reports.all().count()), (0, 1));
    }

    #[test]
    fn slow_reader_learns_how_many_reports_it_missed() {
        let mut reports = with(REPORTS + 5, 1);
        let mut number = 2;
        assert_eq!((reports.next(&mut number).unwrap().lost, number), (3, 6));
        assert_eq!((reports.next(&mut number).unwrap().lost, number), (0, 7));
        number = reports.end();
        assert!(reports.next(&mut number).is_none());
        let facts = Arc::new(Facts::of(&example::memcg_kill()));
        reports.push(facts, vec![b'x'].into(), 4);
        assert_eq!(reports.next(&mut number).unwrap().lost, 4);
        assert!(!reports.is_complete());
    }
}
