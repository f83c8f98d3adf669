//! The position and the spread of a figure.

use serde::Serialize;

/// The spread of a figure over the runs that have it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Number of values.
    pub count: usize,
    /// The smallest value.
    pub min: f64,
    /// A quarter of the values are below.
    pub lower_quartile: f64,
    /// Half of the values are below.
    pub median: f64,
    /// Three quarters of the values are below.
    pub upper_quartile: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// The spread of these figures; `None` if there are none.
    #[must_use]
    pub fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |quarters| quantile(&sorted, quarters);
        Some(Self {
            count: sorted.len(),
            min: *sorted.first()?,
            lower_quartile: at(1)?,
            median: at(2)?,
            upper_quartile: at(3)?,
            max: *sorted.last()?,
        })
    }
}

/// A quantile, interpolated between the two figures next to it.
fn quantile(sorted: &[f64], quarters: usize) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? * quarters;
    let (below, above) = (sorted.get(place / 4)?, sorted.get(place.div_ceil(4))?);
    let part = f64::from(u32::try_from(place % 4).ok()?) / 4.0;
    Some(below + (above - below) * part)
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn interpolates_quartiles() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!([spread.min, spread.median, spread.max], [1.0, 2.5, 4.0]);
        assert_eq!([spread.lower_quartile, spread.upper_quartile], [1.75, 3.25]);
        assert_eq!(Spread::of(&[7.0]).unwrap().upper_quartile, 7.0);
        assert!(Spread::of(&[]).is_none());
    }
}
