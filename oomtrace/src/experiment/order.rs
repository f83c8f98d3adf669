//! The order of the runs. It is random, so that changes of the machine over time affect all variants equally, and the same
//! seed gives the same order.

/// A generator of pseudo-random numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator for this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Shuffles a list. The probabilities of all orders differ by less than 2^-50.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let bound = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
            let other = usize::try_from(self.next() % bound).unwrap_or(last);
            list.swap(last, other);
        }
    }
}

/// The variant of each run, by number. The order consists of rounds, and each round has every variant once, shuffled. So an
/// interrupted experiment has almost the same number of runs for each variant.
#[must_use]
pub fn order(variants: usize, repeats: u32, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut runs = Vec::new();
    for _ in 0..repeats {
        let mut round: Vec<usize> = (0..variants).collect();
        random.shuffle(&mut round);
        runs.extend(round);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn has_every_variant_in_each_round_and_depends_on_the_seed() {
        let runs = order(3, 20, 7);
        for round in runs.chunks(3) {
            let mut sorted = round.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2]);
        }
        assert_eq!(runs, order(3, 20, 7));
        assert_ne!(runs, order(3, 20, 8));
        let first = runs.chunks(3).filter(|round| round[0] == 0).count();
        assert!((1..20).contains(&first), "{first}");
    }
}
