//! A SIGKILL from user space, and what must come of it.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// One process of the scenario kills another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserKill {
    /// The role that sends SIGKILL.
    pub killer: String,
    /// The roles that it is sent to.
    pub victims: Vec<String>,
    /// What must be reported; absent where memory is not short: then nothing.
    pub told: Option<Told>,
}

/// What a report says of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// `domain.cgroup`.
    pub cgroup: Text,
    /// `cause.confidence`.
    pub confidence: String,
}
