//! The known outcome of a scenario, in the words of the report's JSON.

use serde::{Deserialize, Serialize};

use crate::job::Tier;
use crate::scenario::UserKill;
use crate::text::Text;

/// The outcome of a scenario on every kernel.
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
    /// Memory nodes that a cpuset or a memory policy allows. Empty if the allocation may use all.
    #[serde(default)]
    pub nodes: Vec<u32>,
    /// The message of the panic. Absent if the guest survives.
    #[serde(default)]
    pub panic: Option<String>,
    /// Roles that may be killed; all others must survive.
    pub victims: Vec<String>,
    /// Roles, at least one of which must be killed.
    pub certain: Vec<String>,
    /// Least and greatest number of decisions that kill.
    pub kills: (usize, usize),
    /// Roles whose allocation may be the trigger. Empty if it may be any, because the whole machine is out of memory.
    pub trigger: Vec<String>,
    /// Roles that end by themselves or by the kill. The scenario ends after them.
    pub ends: Vec<String>,
    /// A word that the verdict's summary must contain.
    pub summary_names: Option<String>,
    /// Roles that share one memory. If one is killed, the others die too, without a line in the log.
    #[serde(default)]
    pub one_mm: Vec<String>,
    /// Roles that a process of the scenario kills with SIGKILL. They are no victims of the OOM killer.
    #[serde(default)]
    pub signalled: Vec<String>,
    /// Roles, one of which every decision without a kill marks. Empty if it may mark any.
    #[serde(default)]
    pub marked: Vec<String>,
    /// The role that requested to be killed first (`oom_flag_origin`). It has no points.
    #[serde(default)]
    pub asked_first: Option<String>,
    /// How many tasks of the first table share the highest points. 0 if it does not matter.
    #[serde(default)]
    pub equals: usize,
    /// The number of reports of empty passes, on tiers that trace passes, if no process is ever killed.
    #[serde(default)]
    pub no_kill_reports: usize,
    /// Fields of every report whose range the scenario knows.
    #[serde(default)]
    pub ranges: Vec<Range>,
    /// Possible values of `account.reasons.0.code`, the reason of the shortage. Empty if it does not matter. Several are
    /// possible if kernels count the same memory differently.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// `account.holder.kind` of every report: the holder of memory that a kill does not free.
    #[serde(default)]
    pub holder: Option<String>,
    /// Possible values of `allocation.kind` in every report, the purpose of the trigger's allocation. Empty if it does not
    /// matter.
    #[serde(default)]
    pub allocation_kinds: Vec<String>,
    /// `allocation.user_stack[0].symbol` of every report: the function of the trigger's program that allocated.
    #[serde(default)]
    pub user_function: Option<String>,
    /// Figures of the domain's `memory.stat` that do not change during the kill, so report and log are about equal.
    #[serde(default)]
    pub steady_stat: Vec<String>,
    /// Further kills, by user space.
    #[serde(default)]
    pub user_kills: Vec<UserKill>,
    /// Whether unreported ones of them belong to the kernel's kill, so that its report lists them as consequences.
    #[serde(default)]
    pub followed: bool,
    /// Whether the first victim is foreseeable before any further allocation, so that `oomtrace rank` must name it.
    #[serde(default)]
    pub foreseeable: bool,
}

/// A field of the report and its range.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Range {
    /// Its path, such as `victims.0.ns_pid`.
    pub field: String,
    /// The minimum.
    pub least: u64,
    /// The maximum.
    pub most: u64,
}

impl Range {
    pub(in crate::scenario) fn new(field: &str, least: u64, most: u64) -> Self {
        Self { field: field.to_owned(), least, most }
    }

    /// A range in MiB for a field in bytes.
    pub(in crate::scenario) fn mib(field: &str, least: u64, most: u64) -> Self {
        Self::new(field, least << 20, most << 20)
    }
}

impl Expect {
    /// One kill by badness at the limit of `cgroup`, both triggered by `victim` and of `victim`.
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
            user_function: None,
            steady_stat: Vec::new(),
            user_kills: Vec::new(),
            followed: false,
            foreseeable: false,
        }
    }

    /// No kill, although `trigger` reaches the limit of `cgroup`, because it is already dying.
    pub(in crate::scenario) fn dying(cgroup: impl Into<Text>, trigger: &str) -> Self {
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

    /// No kill at the limit of `cgroup`, and `allocator` ends once the shortage is relieved. Empty passes are one report;
    /// without passes there is no report.
    pub(in crate::scenario) fn no_kill(cgroup: impl Into<Text>, allocator: &str, has_passes: bool) -> Self {
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

    /// Whether no process may be killed or marked.
    #[must_use]
    pub fn is_no_kill(&self) -> bool {
        self.outcome == "no_kill"
    }

    /// The minimum number of reports. Tiers that do not trace passes report none without a kill.
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

    /// One kill of `victim` by badness, because the machine is out of memory.
    pub(crate) fn global(victim: &str) -> Self {
        Self {
            cause: "global".to_owned(),
            domain: "system".to_owned(),
            limit_cgroup: None,
            trigger: Vec::new(),
            ..Self::memcg("/", victim)
        }
    }

    /// One kill of `victim` by badness, because the nodes that a `cpuset` or a `mempolicy` allows are out of memory.
    pub(in crate::scenario) fn confined(domain: &str, node: u32, victim: &str) -> Self {
        Self {
            cause: domain.to_owned(),
            domain: domain.to_owned(),
            nodes: vec![node],
            trigger: vec![victim.to_owned()],
            ..Self::global(victim)
        }
    }
}
