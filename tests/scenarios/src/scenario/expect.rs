//! What a scenario knows of its outcome, in the words of the report's JSON.

use serde::{Deserialize, Serialize};

use super::UserKill;
use crate::text::Text;

/// What must come out of a scenario, whatever the kernel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Expect {
    /// `cause.code`.
    pub cause: String,
    /// `selection.policy`.
    pub policy: String,
    /// `selection.outcome`.
    pub outcome: String,
    /// `domain.kind`.
    pub domain: String,
    /// `domain.cgroup`, for a memory cgroup.
    pub limit_cgroup: Option<Text>,
    /// Roles that may be killed; all others must survive.
    pub victims: Vec<String>,
    /// Roles of which at least one must be killed.
    pub certain: Vec<String>,
    /// Least and greatest number of decisions that kill.
    pub kills: (usize, usize),
    /// Roles whose allocation may be the trigger; none: anybody's, because the whole machine is out.
    pub trigger: Vec<String>,
    /// Roles that end by themselves or by the kill: the scenario is over when they have.
    pub ends: Vec<String>,
    /// A word the verdict's summary must hold.
    pub summary_names: Option<String>,
    /// Kills by user space beside those.
    #[serde(default)]
    pub user_kills: Vec<UserKill>,
}

impl Expect {
    /// One kill by badness, of and by `victim`, at the limit of `cgroup`.
    pub(super) fn memcg(cgroup: impl Into<Text>, victim: &str) -> Self {
        Self {
            cause: "memcg_limit".to_owned(),
            policy: "badness".to_owned(),
            outcome: "killed".to_owned(),
            domain: "memcg".to_owned(),
            limit_cgroup: Some(cgroup.into()),
            victims: vec![victim.to_owned()],
            certain: vec![victim.to_owned()],
            kills: (1, 1),
            trigger: vec![victim.to_owned()],
            ends: vec![victim.to_owned()],
            summary_names: None,
            user_kills: Vec::new(),
        }
    }

    /// How many reports there must be at least.
    #[must_use]
    pub fn least_reports(&self) -> usize {
        self.kills.0 + self.user_kills.iter().filter(|kill| kill.told.is_some()).count()
    }

    /// Whether user space kills processes of a role.
    #[must_use]
    pub fn is_killed_by_user(&self, role: &str) -> bool {
        self.user_kills.iter().any(|kill| kill.victims.iter().any(|victim| victim == role))
    }

    /// One kill by badness, of `victim`, because the machine is out of memory.
    pub(super) fn global(victim: &str) -> Self {
        Self {
            cause: "global".to_owned(),
            domain: "system".to_owned(),
            limit_cgroup: None,
            trigger: Vec::new(),
            ..Self::memcg("/", victim)
        }
    }
}
