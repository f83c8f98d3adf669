//! The rank-sum test of Wilcoxon, Mann and Whitney, exact with ties: the share of all divisions of the observed ranks into two
//! groups of these sizes whose rank sum is at least as far from the expected one as the observed rank sum.

/// The probability that two groups of one kind look at least this different; `None` if one is empty.
#[must_use]
pub fn ranks(one: &[f64], other: &[f64]) -> Option<f64> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let doubled = doubled_ranks(one, other);
    let (first, _) = doubled.split_at_checked(one.len())?;
    let seen: usize = first.iter().sum();
    let ways = ways(&doubled, one.len());
    let all: f64 = ways.iter().sum();
    // Twice the expected doubled rank sum, so that all numbers are whole.
    let expected = 2 * one.len() * (one.len() + other.len() + 1);
    let distance = (2 * seen).abs_diff(expected);
    let sums = ways.iter().enumerate().filter(|(sum, _)| (2 * sum).abs_diff(expected) >= distance);
    Some((sums.map(|(_, ways)| ways).sum::<f64>() / all).min(1.0))
}

/// Twice the rank of each value in both groups together. Equal values have the mean of their ranks.
fn doubled_ranks(one: &[f64], other: &[f64]) -> Vec<usize> {
    let all: Vec<f64> = one.iter().chain(other).copied().collect();
    let rank = |value: &f64| {
        let below = all.iter().filter(|known| known.total_cmp(value).is_lt()).count();
        let equal = all.iter().filter(|known| known.total_cmp(value).is_eq()).count();
        2 * below + equal + 1
    };
    all.iter().map(rank).collect()
}

/// The number of ways in which this many ranks add up to each sum.
fn ways(ranks: &[usize], size: usize) -> Vec<f64> {
    let highest: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0; highest + 1]; size + 1];
    if let Some(none) = ways.first_mut().and_then(|sums| sums.first_mut()) {
        *none = 1.0;
    }
    for rank in ranks {
        // From the largest number down, so that no rank is used twice.
        for taken in (1..=size).rev() {
            let (before, after) = ways.split_at_mut(taken);
            let (Some(before), Some(after)) = (before.last(), after.first_mut()) else { continue };
            after.iter_mut().skip(*rank).zip(before).for_each(|(sum, ways)| *sum += ways);
        }
    }
    ways.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::ranks;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn computes_separate_groups() {
        // One of C(6, 3) = 20 divisions, and its mirror image.
        close(ranks(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap(), 0.1);
        // R: wilcox.test(c(1,2,4), c(3,5,6), exact=TRUE)$p.value
        close(ranks(&[1.0, 2.0, 4.0], &[3.0, 5.0, 6.0]).unwrap(), 0.2);
        let low: Vec<f64> = (0..20).map(f64::from).collect();
        let high: Vec<f64> = (20..40).map(f64::from).collect();
        assert!(ranks(&low, &high).unwrap() < 1e-9);
    }

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.mannwhitneyu(one, other, method="exact"); with ties, permutation_test over every division.
        let up = |count: u32, step: f64, from: f64| -> Vec<f64> {
            (0..count).map(|number| f64::from(number) * step + from).collect()
        };
        close(ranks(&up(20, 1.0, 0.0), &up(20, 1.0, 7.5)).unwrap(), 0.000_667_561_967_557);
        close(ranks(&up(50, 2.0, 0.0), &up(50, 2.0, 17.0)).unwrap(), 0.007_021_899_371_388);
        let (one, other) = ([1.0, 2.0, 2.0, 3.0, 5.0, 8.0], [2.0, 4.0, 4.0, 6.0, 7.0, 9.0, 9.0]);
        close(ranks(&one, &other).unwrap(), 0.128_787_878_787_879);
        close(ranks(&[3.5, 1.25, 7.0, 7.0], &[2.0, 7.0, 8.0, 9.0, 11.0]).unwrap(), 0.174_603_174_603_175);
    }

    #[test]
    fn counts_divisions_with_ties() {
        // Two of the 6 divisions of {1, 1, 2, 2}: 11 | 22 and its mirror image.
        close(ranks(&[1.0, 1.0], &[2.0, 2.0]).unwrap(), 1.0 / 3.0);
        close(ranks(&[5.0; 20], &[5.0; 20]).unwrap(), 1.0);
        close(ranks(&[1.0, 2.0], &[1.0, 2.0]).unwrap(), 1.0);
        assert!(ranks(&[], &[1.0]).is_none());
    }
}
