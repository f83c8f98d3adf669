//! Where a figure lies and how far it spreads.

use serde::Serialize;

/// Of the runs that have the figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Number of values.
    pub count: usize,
    /// The least.
    pub min: f64,
    /// A quarter is below.
    pub lower_quartile: f64,
    /// Half is.
    pub median: f64,
    /// Three quarters are.
    pub upper_quartile: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of these; `None` if there are none.
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

/// Between the two figures that lie around it, as far as it is from each.
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
    fn quartiles_lie_between_figures() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!([spread.min, spread.median, spread.max], [1.0, 2.5, 4.0]);
        assert_eq!([spread.lower_quartile, spread.upper_quartile], [1.75, 3.25]);
        assert_eq!(Spread::of(&[7.0]).unwrap().upper_quartile, 7.0);
        assert!(Spread::of(&[]).is_none());
    }
}
