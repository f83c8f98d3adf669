//! Whether two variants differ: exact tests, and a correction for asking several times.

mod fisher;
mod holm;
mod ranks;
mod spread;

pub use self::{fisher::categories, holm::corrected, ranks::ranks, spread::Spread};

/// Below this chance two variants are said to differ: the chance that equal ones look at least so different in any of the
/// comparisons of an experiment.
pub const LEVEL: f64 = 0.01;
