//! Predictions tried out: a kill is recorded, `oomtrace whatif` says who would have died with something changed, and the
//! same scenario runs again with exactly that changed. The kernel must do what was predicted.

mod judge;
mod list;

use serde::{Deserialize, Serialize};

pub use self::judge::judge;
pub use self::list::all;
use crate::scenario::Scenario;

/// Where the guest keeps the recording.
pub const RECORDING_FILE: &str = "/experiment.rec";

/// A scenario, a question, and the scenario that tells whether the answer is right.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Experiment {
    /// What is changed.
    pub name: String,
    /// Runs first, and is recorded.
    pub recorded: Scenario,
    /// What `oomtrace whatif` is asked, after the recording.
    pub question: Vec<String>,
    /// Runs then, with the change made.
    pub again: Scenario,
}
