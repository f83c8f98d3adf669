//! Fisher's exact test with any number of categories (Freeman and Halton): the probability of all tables with these totals that
//! are at most as likely as the observed one.

use std::collections::BTreeMap;

use crate::experiment::order::Random;

/// Up to this number, all tables are counted. Beyond it, this many assignments are drawn at random.
const TABLES_MAX: usize = 1_000_000;
const DRAWS: u32 = 20_000;

/// Probabilities that differ by no more than this are equal, because they are sums of logarithms.
const TOLERANCE: f64 = 1e-7;

/// The probability that two groups of one kind look at least this different; `None` if one is empty.
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

    /// The logarithm of the number of ways to choose `part` of `whole`.
    fn choose(&self, whole: usize, part: usize) -> f64 {
        let at = |number: usize| self.0.get(number).copied().unwrap_or(f64::INFINITY);
        at(whole) - at(part) - at(whole - part)
    }

    /// The logarithm of a table's probability, without the factor that all tables share.
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

/// Calls `tell` for every way to take `left` of these categories, with the logarithm of its probability.
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
    fn computes_the_lady_tasting_tea() {
        // R: fisher.test(matrix(c(3, 1, 1, 3), 2))$p.value
        close(categories(&of(&[('a', 3), ('b', 1)]), &of(&[('a', 1), ('b', 3)])).unwrap(), 0.485_714_3);
        // One of C(20, 10) ways, and its mirror image: 2 / 184756.
        close(categories(&of(&[('a', 10)]), &of(&[('b', 10)])).unwrap(), 2.0 / 184_756.0);
    }

    #[test]
    fn computes_three_categories() {
        // By hand: 20 ways to divide 2+2+2 things in halves. The observed table, aab | bcc, has 2 of them, and there are six
        // such tables. The table abc | abc has 8. So the result is 12 / 20.
        close(categories(&['a', 'a', 'b'], &['b', 'c', 'c']).unwrap(), 0.6);
        close(categories(&['a', 'b', 'c'], &['a', 'b', 'c']).unwrap(), 1.0);
    }

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.fisher_exact([[7, 3], [2, 9]]); the others by counting every table in whole numbers.
        let found = categories(&of(&[('a', 7), ('b', 3)]), &of(&[('a', 2), ('b', 9)])).unwrap();
        close(found, 0.029_973_122_852);
        let three = |a, b, c| of(&[('a', a), ('b', b), ('c', c)]);
        close(categories(&three(5, 3, 2), &three(1, 4, 6)).unwrap(), 0.121_457_489_879);
        let four = |a, b, c, d| of(&[('a', a), ('b', b), ('c', c), ('d', d)]);
        close(categories(&four(4, 4, 1, 3), &four(9, 1, 2, 0)).unwrap(), 0.072_880_410_746);
    }

    #[test]
    fn finds_no_difference_in_equal_groups_and_no_result_for_empty_ones() {
        close(categories(&[1; 20], &[1; 20]).unwrap(), 1.0);
        assert!(categories(&[], &[1]).is_none());
    }

    #[test]
    fn draws_tables_if_there_are_too_many() {
        let one: Vec<u32> = (0..40).collect();
        let other: Vec<u32> = (40..80).collect();
        close(categories(&one, &other).unwrap(), 1.0);
        let halves = |base: u32| (0..100).map(|number| base + number / 4).collect::<Vec<u32>>();
        assert!(categories(&halves(0), &halves(25)).unwrap() < 0.001);
    }
}
