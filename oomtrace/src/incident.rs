//! An incident: one OOM decision, assembled from its events. It holds facts only; `explain` says why.

mod act;
mod allocation_kind;
mod call_trace;
mod candidate;
mod chain;
mod memory_state;
mod names;
mod sysrq;
mod task;

use std::{collections::BTreeMap, rc::Rc};

use oomtrace_common::event::{EmptyPasses, Memcg, OutOfMemoryReturn};
use serde::Serialize;

pub(crate) use self::memory_state::SwapSpace;
pub use self::{
    act::{Followed, Method, SIGKILL, SIGTERM, UserKill, signal_name},
    allocation_kind::AllocationKind,
    call_trace::{CallTrace, KernelCall, Symbol, UserCall, build_id},
    candidate::{Ballot, Candidate, PassedOver},
    chain::{Chain, Link},
    memory_state::{
        FreeBlocks, HugePool, MemoryState, Node, Slab, StateSource, Surroundings, SwapDevice, Tmpfs, Zone,
    },
    names::KnownNames,
    sysrq::{RequestSource, SysrqRequest},
    task::{Counters, Task, is_of},
};
use crate::{
    bytes::ByteString,
    context::{Afterwards, LeadUp, Machine, Prekill, Pressure, Process, Session, Sysctl},
};

/// One OOM decision.
#[derive(Clone, Debug, Default)]
pub struct Incident {
    /// The machine and the tracer.
    pub session: Option<Rc<Session>>,
    /// The number of the pass; `None` on tiers that do not see passes.
    pub pass: Option<u64>,
    /// Time of the decision, `CLOCK_BOOTTIME` ns: the entry of the pass, or the first mark.
    pub boot_ns: u64,
    /// Time of the last event that belongs to it.
    pub last_ns: u64,
    /// The task that requested memory.
    pub trigger: Option<Task>,
    /// Its memory request.
    pub request: Option<Request>,
    /// The task that the kernel chose.
    pub choice: Option<Choice>,
    /// The tasks that the kernel evaluated. `None` if it evaluated no task, or if the evaluation was not seen.
    pub ballot: Option<Ballot>,
    /// The cgroup that is killed together with the victim.
    pub group: Option<u64>,
    /// The processes that were killed or marked.
    pub victims: Vec<Victim>,
    /// How the pass returned.
    pub returned: Option<OutOfMemoryReturn>,
    /// State of the cgroups at that time, by kernfs id.
    pub memcgs: BTreeMap<u64, Memcg>,
    /// Paths of the cgroups that user space read, by kernfs id.
    pub cgroups: BTreeMap<u64, ByteString>,
    /// Names of containers, pods and users that were reported so far.
    pub names: Rc<KnownNames>,
    /// Facts from procfs about the processes involved.
    pub processes: Vec<Rc<Process>>,
    /// Settings at that time.
    pub sysctl: Option<Sysctl>,
    /// Free memory right after the mark, if the decision itself was not seen.
    pub machine: Option<Machine>,
    /// `memory.stat` of the domain.
    pub memory_stat: Option<Rc<BTreeMap<String, u64>>>,
    /// Number of `__oom_kill_process` frames in the pass.
    pub kill_frames: u32,
    /// Number of mark frames in the pass.
    pub mark_frames: u32,
    /// Number of marks seen.
    pub marks: u32,
    /// Passes that killed no process and belong here. An incident without a kill consists of them alone.
    pub empty: Option<EmptyPasses>,
    /// Number of frames lost while the incident was open.
    pub lost_frames: u64,
    /// How the incident was closed.
    pub closed_by: Option<ClosedBy>,
    /// Whether the decision was reported before the incident ended.
    pub decided: bool,
    /// Further runs of empty passes that belong here: one for each reason why passes kill no process.
    pub other_empty: Vec<EmptyPasses>,
    /// Number of empty passes of this run that an earlier report already included.
    pub told_before: u64,
    /// The cgroup that `memory_stat` was read from, if only the mark of the decision was seen.
    pub memory_stat_of: Option<u64>,
    /// How user space sent SIGKILL. If set, the kernel decided nothing, and the trigger is the sender.
    pub user_kill: Option<UserKill>,
    /// Memory pressure at that moment.
    pub pressure: Option<Pressure>,
    /// The announcement of this kill by its sender.
    pub prekill: Option<Rc<Prekill>>,
    /// State of the machine's memory: zones and nodes, and `/proc/meminfo`.
    pub memory_state: Option<Rc<MemoryState>>,
    /// The machine's swap space when the kernel chose a task.
    pub(crate) swap: Option<SwapSpace>,
    /// Flags of `oomtrace_common::event::Node` by node: which masks of the allocation include the node.
    pub node_masks: BTreeMap<i32, u32>,
    /// Facts that only procfs and sysfs have; read later.
    pub surroundings: Option<Rc<Surroundings>>,
    /// Events of the minutes before, as far as oomtrace remembers them.
    pub lead_up: Option<Rc<LeadUp>>,
    /// Stacks of the trigger.
    pub call_trace: Option<CallTrace>,
    /// The SysRq-f request that led to this decision, if there was one.
    pub requested: Option<SysrqRequest>,
    /// Signals that user space then sent to other processes of the victims' cgroups.
    pub followed: Vec<Followed>,
    /// What became of the chosen victim's cgroup.
    pub afterwards: Option<Afterwards>,
    /// Number of OOM kills that the kernel side counted in the meantime and whose frames were all lost.
    pub unreported_kills: u64,
    /// Earlier incidents of the same kind, if this one repeats them.
    pub repeats: Option<Repeats>,
    /// The place in a chain of related kills. `None` if the incident is the first of the chain or stands alone.
    pub chain: Option<Chain>,
    /// Whether the incident was already placed in a chain. Each incident joins only once.
    pub joined: bool,
    /// Page size in bytes, used if the session does not report it.
    pub page_bytes: Option<u64>,
}

/// Incidents with the same domain and a victim of the same name, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Number of incidents, including this one.
    pub count: u64,
    /// Time of the first incident, `CLOCK_BOOTTIME` ns.
    pub first_ns: u64,
}

impl Incident {
    /// The victim that the kernel or the sender chose, if it is known; otherwise the first one.
    #[must_use]
    pub fn chosen(&self) -> Option<&Victim> {
        let of_decision = self.victims.iter().find(|victim| victim.role.is_of_decision());
        of_decision.or_else(|| self.victims.first())
    }

    /// Wall-clock time of the decision, Unix time in ns; `None` without a session.
    #[must_use]
    pub fn wall_ns(&self) -> Option<i128> {
        self.session.as_ref().map(|session| session.wall_ns(self.boot_ns))
    }
}

/// The event that closed an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// The incident was observed to its end.
    Kernel,
    /// No further event arrived in time.
    Timeout,
    /// The stream ended first.
    EndOfStream,
}

/// A memory request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Kernfs id of the memcg whose limit was hit; `None` if the whole machine ran out.
    pub memcg: Option<u64>,
    /// Whether the page allocator made the request.
    pub zonelist: bool,
    /// Whether the trigger was writing to a `memory.max`.
    pub memory_max_write: bool,
    /// `gfp_mask`.
    pub gfp_mask: u32,
    /// `order`; -1 for SysRq.
    pub order: i32,
}

/// The task that the kernel chose, and the arithmetic behind the choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The chosen task.
    pub task: Task,
    /// Its points according to the kernel, in pages.
    pub points: i64,
    /// Size of the domain, pages.
    pub total_pages: u64,
    /// The kernel's number for the constraint.
    pub constraint: u32,
    /// Number of tasks evaluated.
    pub evaluated: u32,
    /// The kernel's message.
    pub message: Vec<u8>,
}

impl Choice {
    /// The text in the kernel's message that appears on the allocating-task path only.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1151>
    const ALLOCATING_TASK: &[u8] = b"(oom_kill_allocating_task)";

    /// Whether `vm.oom_kill_allocating_task` made the choice. In that case the kernel evaluated no task.
    #[must_use]
    pub fn is_allocating_task(&self) -> bool {
        self.message.windows(Self::ALLOCATING_TASK.len()).any(|part| part == Self::ALLOCATING_TASK)
    }
}

/// A process that was killed or marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// The process.
    pub task: Task,
    /// Why it is a victim.
    pub role: Role,
    /// Whether `__oom_kill_process` was called for it.
    pub killed: bool,
    /// Whether it was marked.
    pub marked: bool,
    /// Time at which SIGKILL was sent, `CLOCK_BOOTTIME` ns.
    pub sigkill_ns: Option<u64>,
    /// Time at which the OOM reaper began.
    pub reap_start_ns: Option<u64>,
    /// Time at which the OOM reaper ended.
    pub reap_end_ns: Option<u64>,
    /// Time at which its last thread exited.
    pub exit_ns: Option<u64>,
}

/// Why a process is a victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The kernel chose it.
    Chosen,
    /// Its cgroup has `memory.oom.group`.
    Group,
    /// It shares the victim's memory.
    SharedMm,
    /// A victim was the init process of its pid namespace.
    PidNamespace,
}

impl Role {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Group => "group",
            Self::SharedMm => "shared_mm",
            Self::PidNamespace => "pid_namespace",
        }
    }

    /// Whether the decision itself killed the process. `false` if the kill was only a consequence.
    #[must_use]
    pub const fn is_of_decision(self) -> bool {
        !matches!(self, Self::PidNamespace)
    }
}

impl Victim {
    /// Creates a victim about which nothing else is known.
    #[must_use]
    pub const fn new(task: Task, role: Role) -> Self {
        Self {
            task,
            role,
            killed: false,
            marked: false,
            sigkill_ns: None,
            reap_start_ns: None,
            reap_end_ns: None,
            exit_ns: None,
        }
    }
}

impl Incident {
    /// Returns the victim that is this process.
    pub fn victim_mut(&mut self, task: &Task) -> Option<&mut Victim> {
        self.victims.iter_mut().find(|victim| victim.task.is_same_process(task))
    }

    /// Whether this process is a victim.
    #[must_use]
    pub fn has_victim(&self, task: &Task) -> bool {
        self.victims.iter().any(|victim| victim.task.is_same_process(task))
    }

    /// Returns the tasks that the incident names: the victims, the chosen task, the trigger and the requester.
    pub fn involved(&self) -> impl Iterator<Item = &Task> {
        let victims = self.victims.iter().map(|victim| &victim.task);
        let requester = self.requested.iter().filter_map(|request| request.requester.as_ref());
        victims.chain(self.choice.iter().map(|choice| &choice.task)).chain(&self.trigger).chain(requester)
    }

    /// The page size in bytes.
    #[must_use]
    pub fn page_size(&self) -> u64 {
        let of_session = self.session.as_ref().map(|session| session.page_size);
        of_session.or(self.page_bytes).unwrap_or(4096)
    }

    /// The kernfs id of the memcg that ran out, on tiers that see passes.
    #[must_use]
    pub fn domain(&self) -> Option<u64> {
        self.request.as_ref().and_then(|request| request.memcg)
    }

    /// Returns `memory.stat` of a cgroup, if it was read.
    #[must_use]
    pub fn stat_of(&self, memcg: u64) -> Option<&Rc<BTreeMap<String, u64>>> {
        self.memory_stat.as_ref().filter(|_| self.domain().or(self.memory_stat_of) == Some(memcg))
    }

    /// Number of empty passes that belong here, in all runs.
    #[must_use]
    pub fn empty_passes(&self) -> u64 {
        let runs = self.empty.iter().chain(&self.other_empty);
        runs.fold(0, |all: u64, run| all.saturating_add(run.count)).saturating_sub(self.told_before)
    }

    /// Whether the incident consists of empty passes alone.
    #[must_use]
    pub const fn is_empty_run(&self) -> bool {
        self.empty.is_some() && self.victims.is_empty() && self.choice.is_none()
    }

    /// Time of the last empty pass, `CLOCK_BOOTTIME` ns.
    #[must_use]
    pub fn last_empty_ns(&self) -> Option<u64> {
        self.empty.iter().chain(&self.other_empty).map(|run| run.last_ns).max()
    }

    /// Whether passes of this run already belong here.
    #[must_use]
    pub fn has_run(&self, passes: &EmptyPasses) -> bool {
        self.count_of(passes).is_some()
    }

    /// Returns the latest count of this run, if the incident has the run.
    #[must_use]
    pub fn count_of(&self, passes: &EmptyPasses) -> Option<u64> {
        let mut runs = self.empty.iter().chain(&self.other_empty);
        runs.find(|known| known.first_ns == passes.first_ns).map(|known| known.count)
    }

    /// Adds a run of empty passes, or updates the count of a known run. Runs of several kinds may alternate.
    pub fn add_empty(&mut self, passes: &EmptyPasses) {
        self.last_ns = self.last_ns.max(passes.last_ns);
        let mut runs = self.empty.iter_mut().chain(&mut self.other_empty);
        if let Some(known) = runs.find(|known| known.first_ns == passes.first_ns) {
            known.count = known.count.max(passes.count);
            known.last_ns = known.last_ns.max(passes.last_ns);
        } else {
            self.other_empty.extend(self.empty.replace(*passes));
        }
    }

    /// Whether any process was killed or marked.
    #[must_use]
    pub const fn has_victims(&self) -> bool {
        !self.victims.is_empty()
    }
}
