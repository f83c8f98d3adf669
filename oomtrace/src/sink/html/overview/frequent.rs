//! Counts of the most frequent names, in bounded memory.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Number of names to keep. The map can grow to twice as many before rare names are dropped.
const KEPT: usize = 2048;

/// Counts by name. If there are more names than fit, the rare ones are dropped. A dropped name that returns is counted from 0
/// again. So no count is too high, and the largest possible error of each count is known.
pub(super) struct Frequent<K> {
    counts: HashMap<K, Entry>,
    /// The highest count that any dropped name can have had.
    dropped: u64,
}

/// The count of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The lowest possible count.
    pub(super) count: u64,
    /// The largest number of incidents that the count can be missing.
    pub(super) unseen: u64,
    /// The time of the latest incident, as its report has it.
    pub(super) last: String,
}

impl<K> Default for Frequent<K> {
    fn default() -> Self {
        Self { counts: HashMap::new(), dropped: 0 }
    }
}

impl<K: Eq + Hash + Ord + Clone> Frequent<K> {
    /// Adds to the count of a name.
    pub(super) fn add<Q>(&mut self, name: &Q, count: u64, when: &str)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(entry) = self.counts.get_mut(name) {
            entry.count = entry.count.saturating_add(count);
            when.clone_into(&mut entry.last);
            return;
        }
        let entry = Entry { count, unseen: self.dropped, last: when.to_owned() };
        self.counts.insert(name.to_owned(), entry);
        if self.counts.len() > 2 * KEPT {
            self.drop_rare();
        }
    }

    fn drop_rare(&mut self) {
        let mut counts: Vec<(K, Entry)> = self.counts.drain().collect();
        counts.sort_by(|(a_name, a), (b_name, b)| b.count.cmp(&a.count).then_with(|| a_name.cmp(b_name)));
        let rare = counts.split_off(KEPT.min(counts.len()));
        let most = rare.iter().map(|(_, entry)| entry.count.saturating_add(entry.unseen)).max();
        self.dropped = self.dropped.max(most.unwrap_or(0));
        self.counts = counts.into_iter().collect();
    }

    /// Returns the `many` most frequent names, the most frequent first.
    pub(super) fn top(&self, many: usize) -> Vec<(&K, &Entry)> {
        let mut counts: Vec<(&K, &Entry)> = self.counts.iter().collect();
        counts.sort_by(|(a_name, a), (b_name, b)| b.count.cmp(&a.count).then_with(|| a_name.cmp(b_name)));
        counts.truncate(many);
        counts
    }

    /// Returns the number of names, and whether names were dropped.
    pub(super) fn names(&self) -> (usize, bool) {
        (self.counts.len(), self.dropped > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Frequent, KEPT};

    #[test]
    fn never_counts_too_high_and_keeps_frequent_names() {
        let mut names = Frequent::default();
        for number in 0..100_000_u64 {
            names.add(&number.to_string(), 1, "then");
            if number % 10 == 0 {
                names.add("often", 1, "now");
            }
        }
        assert!(names.counts.len() <= 2 * KEPT);
        let (name, entry) = names.top(1)[0];
        assert_eq!(
            (name.as_str(), entry.count, entry.unseen, entry.last.as_str()),
            ("often", 10_000, 0, "now")
        );
        let (_, rare) = names.top(2)[1];
        assert!(rare.count == 1 && names.names().1, "{rare:?}");
    }

    #[test]
    fn knows_largest_error_of_returning_name() {
        let mut names = Frequent::default();
        for number in 0..=2 * u64::try_from(KEPT).unwrap() {
            names.add(&number, 3, "");
        }
        let lost = (0..5000).find(|number| !names.counts.contains_key(number)).unwrap();
        names.add(&lost, 1, "");
        assert_eq!((names.counts[&lost].count, names.counts[&lost].unseen), (1, 3));
    }
}
