//! The report that sinks receive, in the form of the JSON (`docs/json.md`). Sizes are in bytes and times in ns. Unknown values
//! are `None`, and `null` in the JSON.

mod allocation;
mod build;
mod candidate;
mod chain;
mod counters;
mod filter;
mod followed;
mod machine;
mod page_size;
mod prekill;
mod row;
mod target;
mod times;

use std::{collections::BTreeMap, rc::Rc};

use serde::{Serialize, Serializer};

pub use self::{
    allocation::{Allocation, UserCall},
    build::report,
    candidate::Candidate,
    chain::{Chain, Previous},
    followed::{Afterwards, Followed, Known, Repeats, Restarted, Sent},
    machine::{HugePages, Machine, Node, Slab, Swap, SwapDevice, Tmpfs, Zone},
    prekill::{Prekill, PrekillProcess, Snapshot},
    row::{Chosen, InChain, Name, Row},
    target::Target,
};
use crate::{
    account::Account,
    attribute::cgroup::is_below,
    bytes::ByteString,
    explain::{Code, Confidence, Outcome, Policy},
    incident::{RequestSource, Role},
    kernel::tier::Tier,
    lead_up::LeadUp,
};
pub use crate::{
    attribute::{Attribution, Container, Pod},
    incident::ClosedBy,
};

/// The version of the JSON's schema. Keys are added, never renamed.
pub const SCHEMA: u32 = 1;

/// An explained incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The incident's name on this boot of this machine: the decision's time in hexadecimal.
    pub id: String,
    /// Wall clock of the decision, RFC 3339, UTC.
    pub time: Option<String>,
    /// `CLOCK_BOOTTIME` of the decision.
    pub boot_ns: u64,
    /// `uname -n`.
    pub host: Option<String>,
    /// `uname -r`.
    pub kernel: Option<String>,
    /// How much of the decision the tracer recorded.
    pub tier: Option<Tier>,
    /// How the incident ended.
    pub status: Status,
    /// Why memory ran out.
    pub cause: Cause,
    /// How the victim was chosen.
    pub selection: Selection,
    /// The allocation.
    pub allocation: Allocation,
    /// Settings at the decision.
    pub sysctl: Sysctl,
    /// The memory that ran out.
    pub domain: Domain,
    /// The machine's memory; `None` if it was not read.
    pub machine: Option<Machine>,
    /// The account of the memory that ran out; `None` if that memory was not read.
    pub account: Option<Account>,
    /// What happened in the minutes before; `None` if that is not known.
    pub lead_up: Option<LeadUp>,
    /// The process that allocated.
    pub trigger: Option<Process>,
    /// The request for a kill with SysRq-f; `None` for every other cause, or if the request was not seen.
    pub requested_by: Option<RequestedBy>,
    /// The processes that were killed or marked.
    pub victims: Vec<Victim>,
    /// The tasks that the kernel examined, highest points first; `None` if this tier does not see them.
    pub candidates: Option<Vec<Candidate>>,
    /// Number of tasks that the kernel examined.
    pub candidates_total: Option<u32>,
    /// Number of these tasks that have no row because there were too many.
    pub candidates_left_out: Option<u32>,
    /// Number of kernel threads among these tasks. They have no row either.
    pub kernel_threads: Option<u32>,
    /// Number of marks. It exceeds the number of victims if several threads of one process were marked.
    pub marks: u32,
    /// Passes that killed no process and belong here.
    pub empty_passes: Option<EmptyPasses>,
    /// How user space killed; `None` for a decision of the kernel.
    pub sent: Option<Sent>,
    /// The announcement of a kill by user space; `None` if there was none, or `--oomd-hook` was not given.
    pub prekill: Option<Prekill>,
    /// Later signals of user space to other processes in the victims' cgroups.
    pub followed: Vec<Followed>,
    /// What became of the chosen victim's cgroup 0.8 s after the kill; `None` if it was not looked at.
    pub afterwards: Option<Afterwards>,
    /// Earlier incidents of the same kind, if this one repeats them.
    pub repeats: Option<Repeats>,
    /// The place in a chain of kills; `None` if the incident is the first of its chain or alone.
    pub chain: Option<Chain>,
}

/// How the incident ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Why the incident was closed; `None` in a report of the decision alone.
    pub closed_by: Option<ClosedBy>,
    /// Whether no data of the incident is known to be missing.
    pub complete: bool,
    /// Frames that were lost while the incident was open.
    pub lost_frames: u64,
    /// OOM kills that the eBPF side counted since the last report and whose frames were all lost.
    pub unreported_kills: u64,
}

/// Why memory ran out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// The cause.
    pub code: Code,
    /// Whether the cause was seen or concluded.
    pub confidence: Confidence,
    /// The facts that the cause relies on.
    pub evidence: Vec<String>,
    /// The cause in one sentence.
    pub summary: String,
}

/// How the victim was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// The policy; `None` if this tier does not record it.
    pub policy: Option<Policy>,
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// Points of the chosen process minus those of the runner-up.
    pub margin_points: Option<i64>,
    /// The process that the kernel would have chosen otherwise.
    pub runner_up_pid: Option<i32>,
    /// The highest `oom_score_adj` of the chosen process at which the kernel would have chosen the runner-up.
    pub chosen_adj_at_most: Option<i16>,
    /// The lowest `oom_score_adj` of the runner-up at which the kernel would have chosen it.
    pub runner_up_adj_at_least: Option<i16>,
}

/// Settings at the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sysctl {
    /// `vm.oom_kill_allocating_task`.
    pub oom_kill_allocating_task: Option<i64>,
    /// `vm.panic_on_oom`.
    pub panic_on_oom: Option<i64>,
    /// `vm.overcommit_memory`.
    pub overcommit_memory: Option<i64>,
}

/// The memory that ran out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Domain {
    /// "memcg", "system", "cpuset" or "mempolicy".
    pub kind: Option<&'static str>,
    /// Path of the memcg.
    pub cgroup: Option<ByteString>,
    /// The size that badness is measured against, including swap.
    pub total_pages: Option<u64>,
    /// `memory.current`.
    pub usage_bytes: Option<u64>,
    /// `memory.max`; `None` if there is no limit.
    pub limit_bytes: Option<u64>,
    /// `memory.swap.current`. On v1, the usage of memory and swap together.
    pub swap_usage_bytes: Option<u64>,
    /// `memory.swap.max`. On v1, the limit of memory and swap together.
    pub swap_limit_bytes: Option<u64>,
    /// Whether the swap figures include memory (v1's `memsw`).
    pub memsw: Option<bool>,
    /// `memory.oom.group`.
    pub oom_group: Option<bool>,
    /// `memory.stat`, read right after the decision. It is shared with the incident, because it is long.
    #[serde(serialize_with = "shared")]
    pub memory_stat: Option<Rc<BTreeMap<String, u64>>>,
    /// The memcg and its ancestors, up to the root; empty if the domain is not a memcg.
    pub chain: Vec<Level>,
}

impl Domain {
    /// Returns the place of the level whose limit was hit.
    #[must_use]
    pub fn place(&self) -> Option<&Attribution> {
        self.chain.iter().find(|level| level.hit).map(|level| &level.place)
    }
}

/// Serializes a shared value like an owned one.
fn shared<T: Serialize, S: Serializer>(value: &Option<Rc<T>>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_deref().serialize(serializer)
}

/// A cgroup of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    /// Path.
    pub cgroup: Option<ByteString>,
    /// As in [`Domain`].
    pub usage_bytes: Option<u64>,
    /// `memory.max`.
    pub max_bytes: Option<u64>,
    /// `memory.high`.
    pub high_bytes: Option<u64>,
    /// As in [`Domain`].
    pub swap_usage_bytes: Option<u64>,
    /// As in [`Domain`].
    pub swap_max_bytes: Option<u64>,
    /// `memory.oom.group`.
    pub oom_group: Option<bool>,
    /// Whether its limit was hit.
    pub hit: bool,
    /// The unit, container or pod of the cgroup.
    #[serde(flatten)]
    pub place: Attribution,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Process id.
    pub pid: Option<i32>,
    /// Thread id of the task that the kernel acted on.
    pub tid: Option<i32>,
    /// Process id in its own pid namespace.
    pub ns_pid: Option<i32>,
    /// Name of the task.
    pub comm: Option<ByteString>,
    /// Name of the process, if it differs.
    pub leader_comm: Option<ByteString>,
    /// Arguments, as far as procfs still contained them.
    pub cmdline: Option<Vec<ByteString>>,
    /// Path of the executable.
    pub exe: Option<ByteString>,
    /// Real user id.
    pub uid: Option<u32>,
    /// Start time, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: Option<u64>,
    /// A number from -1000 to 1000.
    pub oom_score_adj: Option<i16>,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
    /// The title that the process wrote in place of its arguments.
    pub title: Option<ByteString>,
    /// The unit, container, pod or user that the process belonged to.
    #[serde(flatten)]
    pub place: Attribution,
}

/// The request that led to a kill by SysRq-f.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestedBy {
    /// How it was made.
    pub source: RequestSource,
    /// Process id.
    pub pid: Option<i32>,
    /// Name of the task.
    pub comm: Option<ByteString>,
    /// Real user id.
    pub uid: Option<u32>,
    /// Time until the decision, ns.
    pub before_ns: u64,
}

/// A process that was killed or marked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Victim {
    /// The process.
    #[serde(flatten)]
    pub process: Process,
    /// Why it is a victim.
    pub role: Role,
    /// Its memory at the decision.
    pub memory: Option<Memory>,
    /// Its badness, only for the chosen victim.
    pub score: Option<Score>,
    /// What happened to it after the decision.
    pub aftermath: Aftermath,
}

/// Memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Address space.
    pub total_vm_bytes: u64,
    /// Resident anonymous memory.
    pub anon_rss_bytes: u64,
    /// Resident memory of files.
    pub file_rss_bytes: u64,
    /// Resident shared memory.
    pub shmem_rss_bytes: u64,
    /// Swapped-out memory.
    pub swap_bytes: u64,
    /// Page tables.
    pub pgtables_bytes: u64,
}

impl Memory {
    /// Returns the resident memory of all kinds.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        self.anon_rss_bytes.saturating_add(self.file_rss_bytes).saturating_add(self.shmem_rss_bytes)
    }
}

/// Badness, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Score {
    /// The kernel's own result; `None` if no task was evaluated.
    pub points: Option<i64>,
    /// Resident, swapped and page-table pages.
    pub base_pages: Option<i64>,
    /// Points that `oom_score_adj` adds.
    pub adj_pages: Option<i64>,
    /// Size of the domain.
    pub total_pages: Option<u64>,
}

/// The events of a victim after the decision, as ns from the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Aftermath {
    /// Time when SIGKILL was sent.
    pub sigkill_ns: Option<u64>,
    /// Time when the OOM reaper began.
    pub reap_start_ns: Option<u64>,
    /// Time when the OOM reaper ended.
    pub reap_end_ns: Option<u64>,
    /// Time when the last thread exited.
    pub exit_ns: Option<u64>,
    /// Always `None`: this version has no hook that reports it.
    pub reaped_bytes: Option<u64>,
}

/// Passes that killed no process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EmptyPasses {
    /// Number of passes.
    pub count: u64,
    /// Time from the decision to the last pass, ns.
    pub last_ns: u64,
}

/// Returns the name of an incident on this boot of this machine.
fn id(boot_ns: u64) -> String {
    format!("{boot_ns:x}")
}

impl Report {
    /// Returns whether the domain or a victim is in this cgroup or below it.
    #[must_use]
    pub fn is_in_cgroup(&self, cgroup: &[u8]) -> bool {
        let victims = self.victims.iter().map(|victim| &victim.process.cgroup);
        std::iter::once(&self.domain.cgroup)
            .chain(victims)
            .flatten()
            .any(|path| is_below(path.as_bytes(), cgroup))
    }

    /// Returns whether a victim has this name.
    #[must_use]
    pub fn has_victim_named(&self, comm: &[u8]) -> bool {
        self.victims.iter().any(|victim| {
            let Process { comm: own, leader_comm, .. } = &victim.process;
            [own, leader_comm].into_iter().flatten().any(|name| name.as_bytes() == comm)
        })
    }

    /// Returns the chosen victim, or the first known victim.
    #[must_use]
    pub fn chosen(&self) -> Option<&Victim> {
        let is_chosen = |victim: &&Victim| matches!(victim.role, Role::Chosen);
        self.victims.iter().find(is_chosen).or(self.victims.first())
    }

    /// Returns whether a process with this id in its own pid namespace is a victim.
    #[must_use]
    pub fn has_victim_inside(&self, ns_pid: i32) -> bool {
        self.victims.iter().any(|victim| victim.process.ns_pid == Some(ns_pid))
    }

    /// Returns whether this process is a victim.
    #[must_use]
    pub fn has_victim(&self, pid: i32) -> bool {
        self.victims.iter().any(|victim| victim.process.pid == Some(pid))
    }
}
