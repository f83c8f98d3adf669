//! Holm's correction: with many comparisons, some probabilities are small by chance.

/// Each probability, corrected for the number of comparisons, in the same order.
#[must_use]
pub fn corrected(chances: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = chances.iter().copied().enumerate().collect();
    order.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let mut corrected = vec![1.0; chances.len()];
    let mut highest = 0.0_f64;
    for (left, (index, chance)) in (1..=chances.len()).rev().zip(order) {
        let times = f64::from(u32::try_from(left).unwrap_or(u32::MAX));
        highest = highest.max(chance * times).min(1.0);
        if let Some(place) = corrected.get_mut(index) {
            *place = highest;
        }
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::corrected;

    #[test]
    fn corrects_the_smallest_most_and_keeps_the_order() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
        let found = corrected(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
        assert_eq!(corrected(&[0.5, 0.9]), [1.0, 1.0]);
    }
}
