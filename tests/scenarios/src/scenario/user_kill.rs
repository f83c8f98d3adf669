//! A SIGKILL from user space and its expected report.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// One process of the scenario kills another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserKill {
    /// The role that sends SIGKILL.
    pub killer: String,
    /// The roles of its targets.
    pub victims: Vec<String>,
    /// The expected report. Absent if memory is not short, because the kill is then not reported.
    pub told: Option<Told>,
}

/// The content of the report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// `domain.cgroup`.
    pub cgroup: Text,
    /// `cause.confidence`.
    pub confidence: String,
}
