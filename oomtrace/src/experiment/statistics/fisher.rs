//! Fisher's exact test with any number of categories (Freeman and Halton): of all ways to deal the observed categories out to two
//! groups of these sizes, how likely are those together that are at most as likely as the one that was seen?

use std::collections::BTreeMap;

use crate::experiment::order::Random;

/// Up to this number, all tables are counted. Beyond it, this many assignments are drawn at random.
const TABLES_MAX: usize = 1_000_000;
const DRAWS: u32 = 20_000;

/// Likelihoods that differ by no more than this are equal: they are sums of logarithms.
const TOLERANCE: f64 = 1e-7;

/// The chance that two groups of one kind look at least so different; `None` if one is empty.
#[must_use]
pub fn categories<T: Ord>(one: &[T], other: &[T]) -> Option<f64> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let mut counts: BTreeMap<&T, (usize, usize)> = BTreeMap::new();
    one.iter().for_each(|value| counts.entry(value).or_default().0 += 1);
    other.iter().for_each(|value| counts.entry(value).or_default().1 += 1);
    let seen: Vec<usize> = counts.values().map(|(first, _)| *first).collect();
    let totals: Vec<usize> = counts.values().map(|(first, second)| first + second).collect();
    let logs = Logarithms::up_to(one.len() + other.len());
    let tables = totals.iter().try_fold(1_usize, |all, total| all.checked_mul(total + 1));
    Some(match tables.filter(|tables| *tables <= TABLES_MAX) {
        Some(_) => counted(&seen, &totals, one.len(), &logs),
        None => drawn(&seen, &totals, one.len(), &logs),
    })
}

/// Logarithms of factorials.
struct Logarithms(Vec<f64>);

impl Logarithms {
    fn up_to(last: usize) -> Self {
        let mut sum = 0.0;
        let numbers = (1..=last).map(|number| f64::from(u32::try_from(number).unwrap_or(u32::MAX)).ln());
        let sums = numbers.map(|log| {
            sum += log;
            sum
        });
        Self(std::iter::once(0.0).chain(sums).collect())
    }

    /// Of the number of ways to choose `part` of `whole`.
    fn choose(&self, whole: usize, part: usize) -> f64 {
        let at = |number: usize| self.0.get(number).copied().unwrap_or(f64::INFINITY);
        at(whole) - at(part) - at(whole - part)
    }

    /// Likelihood of a table, without the factor that all tables share.
    fn table(&self, row: &[usize], totals: &[usize]) -> f64 {
        row.iter().zip(totals).map(|(part, whole)| self.choose(*whole, *part)).sum()
    }
}

fn counted(seen: &[usize], totals: &[usize], size: usize, logs: &Logarithms) -> f64 {
    let limit = logs.table(seen, totals) + TOLERANCE;
    let all: usize = totals.iter().sum();
    let norm = logs.choose(all, size);
    let mut chance = 0.0;
    deal(totals, size, 0.0, logs, &mut |log| {
        if log <= limit {
            chance += (log - norm).exp();
        }
    });
    chance.min(1.0)
}

/// Every way to take `left` of these categories, with the logarithm of its likelihood.
fn deal(totals: &[usize], left: usize, log: f64, logs: &Logarithms, tell: &mut dyn FnMut(f64)) {
    let Some((whole, rest)) = totals.split_first() else {
        if left == 0 {
            tell(log);
        }
        return;
    };
    let room: usize = rest.iter().sum();
    for part in left.saturating_sub(room)..=left.min(*whole) {
        deal(rest, left - part, log + logs.choose(*whole, part), logs, tell);
    }
}

fn drawn(seen: &[usize], totals: &[usize], size: usize, logs: &Logarithms) -> f64 {
    let limit = logs.table(seen, totals) + TOLERANCE;
    let mut cards: Vec<usize> =
        totals.iter().enumerate().flat_map(|(kind, count)| std::iter::repeat_n(kind, *count)).collect();
    let mut random = Random::new(1);
    let mut as_unlikely = 0_u32;
    for _ in 0..DRAWS {
        random.shuffle(&mut cards);
        let dealt = cards.get(..size).unwrap_or_default();
        let row: Vec<usize> =
            (0..totals.len()).map(|kind| dealt.iter().filter(|card| **card == kind).count()).collect();
        as_unlikely += u32::from(logs.table(&row, totals) <= limit);
    }
    f64::from(as_unlikely + 1) / f64::from(DRAWS + 1)
}

#[cfg(test)]
mod tests {
    use super::categories;

    fn of(counts: &[(char, usize)]) -> Vec<char> {
        counts.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count)).collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn the_lady_tastes_tea() {
        // R: fisher.test(matrix(c(3, 1, 1, 3), 2))$p.value
        close(categories(&of(&[('a', 3), ('b', 1)]), &of(&[('a', 1), ('b', 3)])).unwrap(), 0.485_714_3);
        // Only one of C(20, 10) dealings, and its mirror: 2 / 184756.
        close(categories(&of(&[('a', 10)]), &of(&[('b', 10)])).unwrap(), 2.0 / 184_756.0);
    }

    #[test]
    fn three_categories() {
        // Of 6 things 2+2+2 dealt in halves (20 ways): aab|bcc and its like, by hand. Seen: aab | bcc, likelihood 2 of 20; there
        // are six such tables, and one of likelihood 8 (abc | abc): 12 / 20.
        close(categories(&['a', 'a', 'b'], &['b', 'c', 'c']).unwrap(), 0.6);
        close(categories(&['a', 'b', 'c'], &['a', 'b', 'c']).unwrap(), 1.0);
    }

    #[test]
    fn as_others_have_it() {
        // scipy.stats.fisher_exact([[7, 3], [2, 9]]); the others by counting every table in whole numbers.
        let found = categories(&of(&[('a', 7), ('b', 3)]), &of(&[('a', 2), ('b', 9)])).unwrap();
        close(found, 0.029_973_122_852);
        let three = |a, b, c| of(&[('a', a), ('b', b), ('c', c)]);
        close(categories(&three(5, 3, 2), &three(1, 4, 6)).unwrap(), 0.121_457_489_879);
        let four = |a, b, c, d| of(&[('a', a), ('b', b), ('c', c), ('d', d)]);
        close(categories(&four(4, 4, 1, 3), &four(9, 1, 2, 0)).unwrap(), 0.072_880_410_746);
    }

    #[test]
    fn equal_groups_are_equal_and_empty_ones_say_nothing() {
        close(categories(&[1; 20], &[1; 20]).unwrap(), 1.0);
        assert!(categories(&[], &[1]).is_none());
    }

    #[test]
    fn too_many_categories_are_drawn() {
        let one: Vec<u32> = (0..40).collect();
        let other: Vec<u32> = (40..80).collect();
        close(categories(&one, &other).unwrap(), 1.0);
        let halves = |base: u32| (0..100).map(|number| base + number / 4).collect::<Vec<u32>>();
        assert!(categories(&halves(0), &halves(25)).unwrap() < 0.001);
    }
}
