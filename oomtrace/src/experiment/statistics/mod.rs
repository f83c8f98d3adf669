//! Decides whether two variants differ: exact tests, and a correction for several comparisons.

mod fisher;
mod holm;
mod ranks;
mod spread;

pub use self::{fisher::categories, holm::corrected, ranks::ranks, spread::Spread};

/// Two variants are said to differ below this probability: the probability that equal variants look at least this different in
/// any of the comparisons of an experiment.
pub const LEVEL: f64 = 0.01;
