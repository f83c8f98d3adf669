//! What a scenario knows of its outcome, in the words of the report's JSON.

use serde::{Deserialize, Serialize};

use super::UserKill;
use crate::job::Tier;
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
    /// Memory nodes that a cpuset or a memory policy leaves to the allocation; none: it may use all.
    #[serde(default)]
    pub nodes: Vec<u32>,
    /// The words of the panic that takes the guest down; absent where it lives on.
    #[serde(default)]
    pub panic: Option<String>,
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
    /// Roles that live on one memory: if one is killed, the others die too, and the log has no line of them.
    #[serde(default)]
    pub one_mm: Vec<String>,
    /// Roles that somebody in the scenario ends with SIGKILL: no victims of the OOM killer.
    #[serde(default)]
    pub signalled: Vec<String>,
    /// Roles of which every decision that kills nobody marks one; none: it may be any.
    #[serde(default)]
    pub marked: Vec<String>,
    /// The role that has asked to be killed first (`oom_flag_origin`): it has no points.
    #[serde(default)]
    pub asked_first: Option<String>,
    /// How many tasks of the first table have the same points, the most of all; 0 where it does not matter.
    #[serde(default)]
    pub equals: usize,
    /// Reports of passes that killed nobody, where passes are seen and nobody is ever killed.
    #[serde(default)]
    pub no_kill_reports: usize,
    /// Fields of every report whose size the scenario knows.
    #[serde(default)]
    pub ranges: Vec<Range>,
    /// What `account.reasons.0.code` may be: why the memory was short. None named: it does not matter. There are several
    /// where kernels count the same differently.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// `account.holder.kind` of every report: who holds the memory where a kill does not reach it.
    #[serde(default)]
    pub holder: Option<String>,
    /// What `allocation.kind` of every report may be: what the trigger wanted memory for. None named: it does not matter.
    #[serde(default)]
    pub allocation_kinds: Vec<String>,
    /// Figures of the domain's `memory.stat` that hold still through the kill: the report's are about those of the log.
    #[serde(default)]
    pub steady_stat: Vec<String>,
    /// Kills by user space beside those.
    #[serde(default)]
    pub user_kills: Vec<UserKill>,
    /// Whether those of them that are not told belong to the kernel's kill: the report says what followed.
    #[serde(default)]
    pub followed: bool,
    /// Whether the first to be killed can be told before anybody takes more memory: `oomtrace rank` must name it.
    #[serde(default)]
    pub foreseeable: bool,
}

/// A field of the report, and what it lies between.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Range {
    /// Its path, as `victims.0.ns_pid`.
    pub field: String,
    /// The least it can be.
    pub least: u64,
    /// The most it can be.
    pub most: u64,
}

impl Range {
    pub(super) fn new(field: &str, least: u64, most: u64) -> Self {
        Self { field: field.to_owned(), least, most }
    }

    /// In MiB, of a field in bytes.
    pub(super) fn mib(field: &str, least: u64, most: u64) -> Self {
        Self::new(field, least << 20, most << 20)
    }
}

impl Expect {
    /// One kill by badness, of and by `victim`, at the limit of `cgroup`.
    pub(crate) fn memcg(cgroup: impl Into<Text>, victim: &str) -> Self {
        Self {
            cause: "memcg_limit".to_owned(),
            policy: "badness".to_owned(),
            outcome: "killed".to_owned(),
            domain: "memcg".to_owned(),
            limit_cgroup: Some(cgroup.into()),
            nodes: Vec::new(),
            panic: None,
            victims: vec![victim.to_owned()],
            certain: vec![victim.to_owned()],
            kills: (1, 1),
            trigger: vec![victim.to_owned()],
            ends: vec![victim.to_owned()],
            summary_names: None,
            one_mm: Vec::new(),
            signalled: Vec::new(),
            marked: Vec::new(),
            asked_first: None,
            equals: 0,
            no_kill_reports: 0,
            ranges: Vec::new(),
            reasons: Vec::new(),
            holder: None,
            allocation_kinds: Vec::new(),
            steady_stat: Vec::new(),
            user_kills: Vec::new(),
            followed: false,
            foreseeable: false,
        }
    }

    /// No kill, although `trigger` runs into the limit of `cgroup`: it is dying already.
    pub(super) fn dying(cgroup: impl Into<Text>, trigger: &str) -> Self {
        Self {
            policy: "already_exiting".to_owned(),
            outcome: "marked_only".to_owned(),
            victims: Vec::new(),
            certain: Vec::new(),
            kills: (0, 0),
            signalled: vec![trigger.to_owned()],
            ..Self::memcg(cgroup, trigger)
        }
    }

    /// Nobody is killed at the limit of `cgroup`, and `allocator` ends once there is relief. Passes that find nobody
    /// to kill are one report; without passes there is none.
    pub(super) fn no_kill(cgroup: impl Into<Text>, allocator: &str, has_passes: bool) -> Self {
        Self {
            policy: "none_killable".to_owned(),
            outcome: "no_kill".to_owned(),
            victims: Vec::new(),
            certain: Vec::new(),
            kills: (0, 0),
            no_kill_reports: usize::from(has_passes),
            ..Self::memcg(cgroup, allocator)
        }
    }

    /// Whether nobody may be killed or marked.
    #[must_use]
    pub fn is_no_kill(&self) -> bool {
        self.outcome == "no_kill"
    }

    /// Least number of reports. Where passes are not seen, those that kill nobody are not told.
    #[must_use]
    pub fn reports(&self, tier: Tier) -> usize {
        let of_passes = if tier == Tier::Tracepoint { 0 } else { self.no_kill_reports };
        let of_users = self.user_kills.iter().filter(|kill| kill.told.is_some()).count();
        self.kills.0 + of_passes + of_users
    }

    /// Whether user space kills processes of a role.
    #[must_use]
    pub fn is_killed_by_user(&self, role: &str) -> bool {
        self.user_kills.iter().any(|kill| kill.victims.iter().any(|victim| victim == role))
    }

    /// One kill by badness, of `victim`, because the machine is out of memory.
    pub(crate) fn global(victim: &str) -> Self {
        Self {
            cause: "global".to_owned(),
            domain: "system".to_owned(),
            limit_cgroup: None,
            trigger: Vec::new(),
            ..Self::memcg("/", victim)
        }
    }

    /// One kill by badness, of `victim`, because the nodes left to its allocations by a `cpuset` or a `mempolicy`
    /// are out of memory.
    pub(super) fn confined(domain: &str, node: u32, victim: &str) -> Self {
        Self {
            cause: domain.to_owned(),
            domain: domain.to_owned(),
            nodes: vec![node],
            trigger: vec![victim.to_owned()],
            ..Self::global(victim)
        }
    }
}
