//! The report: what a sink sees, in the shape of the JSON (`docs/json.md`). Sizes are bytes and times ns; what is not
//! known is `None`, and `null` in JSON.

mod allocation;
mod build;
mod candidate;
mod chain;
mod counters;
mod filter;
mod followed;
mod machine;
mod page_size;
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
    followed::{Followed, Known, Repeats, Sent},
    machine::{HugePages, Machine, Node, Slab, Swap, SwapDevice, Tmpfs, Zone},
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

/// The version of the JSON's shape. Keys are added, never renamed.
pub const SCHEMA: u32 = 1;

/// One incident, explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Names the incident on this boot of this machine: the decision's time in hex.
    pub id: String,
    /// Wall clock of the decision, RFC 3339, UTC.
    pub time: Option<String>,
    /// `CLOCK_BOOTTIME` of the decision.
    pub boot_ns: u64,
    /// `uname -n`.
    pub host: Option<String>,
    /// `uname -r`.
    pub kernel: Option<String>,
    /// How much was seen.
    pub tier: Option<Tier>,
    /// How the incident ended.
    pub status: Status,
    /// Why memory ran out.
    pub cause: Cause,
    /// How the victim was chosen.
    pub selection: Selection,
    /// The allocation.
    pub allocation: Allocation,
    /// Settings at that time.
    pub sysctl: Sysctl,
    /// The memory that ran out.
    pub domain: Domain,
    /// The machine's memory; `None` where it was not read.
    pub machine: Option<Machine>,
    /// Where the memory that ran out was; `None` where that was not read.
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
    /// Those among them that have no row, for there were too many.
    pub candidates_left_out: Option<u32>,
    /// Kernel threads among them, which have no row either.
    pub kernel_threads: Option<u32>,
    /// Marks seen: more than victims where several threads of one were marked.
    pub marks: u32,
    /// Passes that killed no process and belong here.
    pub empty_passes: Option<EmptyPasses>,
    /// How user space killed; `None` for a decision of the kernel.
    pub sent: Option<Sent>,
    /// What user space did then to other processes of the victims' cgroups.
    pub followed: Vec<Followed>,
    /// Earlier incidents of the same kind, if this one repeats them.
    pub repeats: Option<Repeats>,
    /// Its place among kills that belong together; `None` if it is the first of them, or alone.
    pub chain: Option<Chain>,
}

/// How the incident ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Why it was closed; `None` in a report of the decision alone.
    pub closed_by: Option<ClosedBy>,
    /// Nothing that belongs to it is known to be missing.
    pub complete: bool,
    /// Frames that the kernel side lost while the incident was open.
    pub lost_frames: u64,
    /// OOM kills that the kernel side counted since the last report and whose frames were all lost.
    pub unreported_kills: u64,
}

/// Why memory ran out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// The cause.
    pub code: Code,
    /// Seen, or concluded.
    pub confidence: Confidence,
    /// The facts that the cause relies on.
    pub evidence: Vec<String>,
    /// One sentence.
    pub summary: String,
}

/// How the victim was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// The policy; `None` where this tier does not see it.
    pub policy: Option<Policy>,
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// Points of the chosen one minus the runner-up's.
    pub margin_points: Option<i64>,
    /// The process that the kernel would have chosen otherwise.
    pub runner_up_pid: Option<i32>,
    /// The greatest `oom_score_adj` of the chosen one at which the runner-up would have been taken.
    pub chosen_adj_at_most: Option<i16>,
    /// The least `oom_score_adj` of the runner-up at which it would have been taken.
    pub runner_up_adj_at_least: Option<i16>,
}

/// Settings at that time.
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
    /// `memory.max`; `None` where there is no limit.
    pub limit_bytes: Option<u64>,
    /// `memory.swap.current`; on v1 memory and swap together.
    pub swap_usage_bytes: Option<u64>,
    /// `memory.swap.max`; on v1 of memory and swap together.
    pub swap_limit_bytes: Option<u64>,
    /// Whether all figures of swap take in the memory (v1's `memsw`).
    pub memsw: Option<bool>,
    /// `memory.oom.group`.
    pub oom_group: Option<bool>,
    /// `memory.stat`, read right after the decision. It is shared with the incident, because it is long.
    #[serde(serialize_with = "shared")]
    pub memory_stat: Option<Rc<BTreeMap<String, u64>>>,
    /// The memcg and its ancestors, up to the root; empty where the domain is no memcg.
    pub chain: Vec<Level>,
}

impl Domain {
    /// The level that was hit.
    #[must_use]
    pub fn place(&self) -> Option<&Attribution> {
        self.chain.iter().find(|level| level.hit).map(|level| &level.place)
    }
}

/// Serializes a shared value like an owned one.
fn shared<T: Serialize, S: Serializer>(value: &Option<Rc<T>>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_deref().serialize(serializer)
}

/// One cgroup of the chain.
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
    /// What it is.
    #[serde(flatten)]
    pub place: Attribution,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Process id.
    pub pid: Option<i32>,
    /// The task the kernel acted on.
    pub tid: Option<i32>,
    /// Process id in its own pid namespace.
    pub ns_pid: Option<i32>,
    /// Name of the task.
    pub comm: Option<ByteString>,
    /// Name of the process, where it differs.
    pub leader_comm: Option<ByteString>,
    /// Arguments, as far as procfs still had them.
    pub cmdline: Option<Vec<ByteString>>,
    /// Path of the executable.
    pub exe: Option<ByteString>,
    /// Real user id.
    pub uid: Option<u32>,
    /// When it began, `CLOCK_BOOTTIME`.
    pub start_boot_ns: Option<u64>,
    /// -1000 to 1000.
    pub oom_score_adj: Option<i16>,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
    /// The title it gave itself, in the place of its arguments.
    pub title: Option<ByteString>,
    /// Who that was.
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
    /// How long before the decision, ns.
    pub before_ns: u64,
}

/// A process that was killed or marked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Victim {
    /// Who.
    #[serde(flatten)]
    pub process: Process,
    /// Why it is a victim.
    pub role: Role,
    /// Its memory at that instant.
    pub memory: Option<Memory>,
    /// Its badness; of the chosen one only.
    pub score: Option<Score>,
    /// What happened to it after the decision.
    pub aftermath: Aftermath,
}

/// Memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Address space.
    pub total_vm_bytes: u64,
    /// Resident, anonymous.
    pub anon_rss_bytes: u64,
    /// Resident, of files.
    pub file_rss_bytes: u64,
    /// Resident, shared.
    pub shmem_rss_bytes: u64,
    /// Swapped out.
    pub swap_bytes: u64,
    /// Page tables.
    pub pgtables_bytes: u64,
}

impl Memory {
    /// Resident memory of all kinds.
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

/// The events of a victim after the decision, in ns after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Aftermath {
    /// SIGKILL was sent.
    pub sigkill_ns: Option<u64>,
    /// The OOM reaper began.
    pub reap_start_ns: Option<u64>,
    /// The OOM reaper ended.
    pub reap_end_ns: Option<u64>,
    /// The last thread exited.
    pub exit_ns: Option<u64>,
    /// Always `None`: no hook of this version reports it.
    pub reaped_bytes: Option<u64>,
}

/// Passes that killed no process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EmptyPasses {
    /// How many.
    pub count: u64,
    /// The last one, ns after the decision.
    pub last_ns: u64,
}

/// The name of an incident on this boot of this machine.
fn id(boot_ns: u64) -> String {
    format!("{boot_ns:x}")
}

impl Report {
    /// Whether the domain or a victim is in this cgroup or below.
    #[must_use]
    pub fn is_in_cgroup(&self, cgroup: &[u8]) -> bool {
        let victims = self.victims.iter().map(|victim| &victim.process.cgroup);
        std::iter::once(&self.domain.cgroup)
            .chain(victims)
            .flatten()
            .any(|path| is_below(path.as_bytes(), cgroup))
    }

    /// Whether a victim has this name.
    #[must_use]
    pub fn has_victim_named(&self, comm: &[u8]) -> bool {
        self.victims.iter().any(|victim| {
            let Process { comm: own, leader_comm, .. } = &victim.process;
            [own, leader_comm].into_iter().flatten().any(|name| name.as_bytes() == comm)
        })
    }

    /// The victim that was chosen, or the first that is known of.
    #[must_use]
    pub fn chosen(&self) -> Option<&Victim> {
        let is_chosen = |victim: &&Victim| matches!(victim.role, Role::Chosen);
        self.victims.iter().find(is_chosen).or(self.victims.first())
    }

    /// Whether a process with this id in its own pid namespace is a victim.
    #[must_use]
    pub fn has_victim_inside(&self, ns_pid: i32) -> bool {
        self.victims.iter().any(|victim| victim.process.ns_pid == Some(ns_pid))
    }

    /// Whether this process is a victim.
    #[must_use]
    pub fn has_victim(&self, pid: i32) -> bool {
        self.victims.iter().any(|victim| victim.process.pid == Some(pid))
    }
}
