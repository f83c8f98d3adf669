//! Tests predictions: the guest records a kill, `oomtrace whatif` predicts the victim under a change, and the same scenario
//! runs again with exactly that change. The kernel must do what was predicted.

mod judge;
mod list;

use serde::{Deserialize, Serialize};

pub use self::judge::judge;
pub use self::list::all;
use crate::scenario::Scenario;

/// The path of the recording in the guest.
pub const RECORDING_FILE: &str = "/experiment.rec";

/// A scenario, a question, and the scenario that checks the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Experiment {
    /// The change.
    pub name: String,
    /// The scenario that runs first and is recorded.
    pub recorded: Scenario,
    /// The arguments of `oomtrace whatif` after the recording.
    pub question: Vec<String>,
    /// The scenario with the change, which runs second.
    pub again: Scenario,
}
