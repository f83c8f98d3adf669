//! An incident: one OOM decision, assembled from its events. Facts only; why is `explain`'s to say.

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

pub use self::{
    act::{Followed, Method, UserKill},
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
    context::{LeadUp, Machine, Pressure, Process, Session, Sysctl},
};

/// One decision.
#[derive(Clone, Debug, Default)]
pub struct Incident {
    /// The machine and the tracer.
    pub session: Option<Rc<Session>>,
    /// The pass, where passes are seen.
    pub pass: Option<u64>,
    /// When it was decided, `CLOCK_BOOTTIME` ns: the pass's entry, or the first mark.
    pub boot_ns: u64,
    /// Time of the last event that belongs to it.
    pub last_ns: u64,
    /// Who asked for memory.
    pub trigger: Option<Task>,
    /// What for.
    pub request: Option<Request>,
    /// Whom the decision fell on.
    pub choice: Option<Choice>,
    /// Whom the kernel looked at; `None` where it looked at nobody, or that is not seen.
    pub ballot: Option<Ballot>,
    /// The cgroup that goes with the victim.
    pub group: Option<u64>,
    /// Who was killed or marked.
    pub victims: Vec<Victim>,
    /// How the pass returned.
    pub returned: Option<OutOfMemoryReturn>,
    /// Cgroups at that time, by kernfs id.
    pub memcgs: BTreeMap<u64, Memcg>,
    /// Paths of cgroups that user space looked up, by kernfs id.
    pub cgroups: BTreeMap<u64, ByteString>,
    /// Names of containers, pods and users that were told so far.
    pub names: Rc<KnownNames>,
    /// What procfs said of those involved.
    pub processes: Vec<Rc<Process>>,
    /// Settings at that time.
    pub sysctl: Option<Sysctl>,
    /// Free memory right after the mark, where the decision was not seen.
    pub machine: Option<Machine>,
    /// `memory.stat` of the domain.
    pub memory_stat: Option<Rc<BTreeMap<String, u64>>>,
    /// Frames of `__oom_kill_process` in the pass.
    pub kill_frames: u32,
    /// Frames of marks in the pass.
    pub mark_frames: u32,
    /// Marks seen.
    pub marks: u32,
    /// Passes that killed nobody and belong here; the whole story of an incident without a kill.
    pub empty: Option<EmptyPasses>,
    /// Frames lost while it was open.
    pub lost_frames: u64,
    /// What closed it.
    pub closed_by: Option<ClosedBy>,
    /// Whether it was told before its end.
    pub decided: bool,
    /// Other runs of empty passes that belong here, too: one for each way in which passes come to nothing.
    pub other_empty: Vec<EmptyPasses>,
    /// Empty passes of its run that an earlier report told of.
    pub told_before: u64,
    /// The cgroup that `memory_stat` is of, where the decision was seen from its mark alone.
    pub memory_stat_of: Option<u64>,
    /// How user space sent SIGKILL; then the kernel decided nothing, and the trigger is the sender.
    pub user_kill: Option<UserKill>,
    /// How short memory was at that moment.
    pub pressure: Option<Pressure>,
    /// Where the machine's memory was: zones and nodes, and `/proc/meminfo`.
    pub memory_state: Option<Rc<MemoryState>>,
    /// Which masks of the allocation have each node: flags of `oomtrace_common::event::Node`, by node.
    pub node_masks: BTreeMap<i32, u32>,
    /// What only procfs and sysfs know of it, read later.
    pub surroundings: Option<Rc<Surroundings>>,
    /// What happened in the minutes before, as far as oomtrace remembers.
    pub lead_up: Option<Rc<LeadUp>>,
    /// What the trigger was doing.
    pub call_trace: Option<CallTrace>,
    /// The request that led to this decision, if it is one of SysRq-f.
    pub requested: Option<SysrqRequest>,
    /// What user space did then to other processes of the victims' cgroups.
    pub followed: Vec<Followed>,
    /// OOM kills that the kernel side counted meanwhile and whose frames were all lost.
    pub unreported_kills: u64,
    /// Earlier incidents of the same kind, if this one repeats them.
    pub repeats: Option<Repeats>,
    /// Its place among kills that belong together; `None` if it is the first of them, or alone.
    pub chain: Option<Chain>,
    /// Whether it was asked which chain it belongs to: each incident joins once.
    pub joined: bool,
    /// Bytes of a page, where no session tells.
    pub page_bytes: Option<u64>,
}

/// Incidents with the same domain and a victim of the same name, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// How many there were, this one included.
    pub count: u64,
    /// Time of the first, `CLOCK_BOOTTIME` ns.
    pub first_ns: u64,
}

impl Incident {
    /// Wall clock of the decision, Unix time in ns; `None` without a session.
    #[must_use]
    pub fn wall_ns(&self) -> Option<i128> {
        let session = self.session.as_ref()?;
        Some(i128::from(self.boot_ns) + i128::from(session.wall_offset_ns))
    }
}

/// What closed an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// Everything was seen to its end.
    Kernel,
    /// Nothing more came.
    Timeout,
    /// The stream ended first.
    EndOfStream,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Kernfs id of the memcg whose limit was hit; `None` when it was the machine.
    pub memcg: Option<u64>,
    /// The page allocator asked.
    pub zonelist: bool,
    /// The trigger was writing a `memory.max`.
    pub memory_max_write: bool,
    /// `gfp_mask`.
    pub gfp_mask: u32,
    /// -1 for SysRq.
    pub order: i32,
}

/// Whom the decision fell on, and by what arithmetic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The task.
    pub task: Task,
    /// The kernel's result, pages.
    pub points: i64,
    /// Size of the domain, pages.
    pub total_pages: u64,
    /// The kernel's number of the constraint.
    pub constraint: u32,
    /// Tasks looked at.
    pub evaluated: u32,
    /// The kernel's message.
    pub message: Vec<u8>,
}

impl Choice {
    /// What the kernel's message says on the allocating-task path, and on no other.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1151>
    const ALLOCATING_TASK: &[u8] = b"(oom_kill_allocating_task)";

    /// Whether `vm.oom_kill_allocating_task` chose: nobody was evaluated then.
    #[must_use]
    pub fn is_allocating_task(&self) -> bool {
        self.message.windows(Self::ALLOCATING_TASK.len()).any(|part| part == Self::ALLOCATING_TASK)
    }
}

/// A process that was killed or marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// Who.
    pub task: Task,
    /// Why.
    pub role: Role,
    /// `__oom_kill_process` was called for it.
    pub killed: bool,
    /// It was marked.
    pub marked: bool,
    /// When SIGKILL was sent, `CLOCK_BOOTTIME` ns.
    pub sigkill_ns: Option<u64>,
    /// When the OOM reaper began.
    pub reap_start_ns: Option<u64>,
    /// When the OOM reaper ended.
    pub reap_end_ns: Option<u64>,
    /// When its last thread exited.
    pub exit_ns: Option<u64>,
}

/// Why a process is a victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The decision fell on it.
    Chosen,
    /// Its cgroup has `memory.oom.group`.
    Group,
    /// It shares the victim's memory.
    SharedMm,
    /// A victim was the init of its pid namespace.
    PidNamespace,
}

impl Role {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Group => "group",
            Self::SharedMm => "shared_mm",
            Self::PidNamespace => "pid_namespace",
        }
    }

    /// Whether the decision itself took it, and not what came of that.
    #[must_use]
    pub const fn is_of_decision(self) -> bool {
        !matches!(self, Self::PidNamespace)
    }
}

impl Victim {
    /// A victim nothing else is known of.
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
    /// The victim that is this process.
    pub fn victim_mut(&mut self, task: &Task) -> Option<&mut Victim> {
        self.victims.iter_mut().find(|victim| victim.task.is_same_process(task))
    }

    /// Whether this process is a victim.
    #[must_use]
    pub fn has_victim(&self, task: &Task) -> bool {
        self.victims.iter().any(|victim| victim.task.is_same_process(task))
    }

    /// The tasks that it names: the victims, the chosen one and the trigger.
    pub fn involved(&self) -> impl Iterator<Item = &Task> {
        let victims = self.victims.iter().map(|victim| &victim.task);
        let requester = self.requested.iter().filter_map(|request| request.requester.as_ref());
        victims.chain(self.choice.iter().map(|choice| &choice.task)).chain(&self.trigger).chain(requester)
    }

    /// Bytes of a page.
    #[must_use]
    pub fn page_size(&self) -> u64 {
        let of_session = self.session.as_ref().map(|session| session.page_size);
        of_session.or(self.page_bytes).unwrap_or(4096)
    }

    /// The kernfs id of the memcg that ran out, where passes are seen.
    #[must_use]
    pub fn domain(&self) -> Option<u64> {
        self.request.as_ref().and_then(|request| request.memcg)
    }

    /// `memory.stat` of a cgroup, if it was read.
    #[must_use]
    pub fn stat_of(&self, memcg: u64) -> Option<&Rc<BTreeMap<String, u64>>> {
        self.memory_stat.as_ref().filter(|_| self.domain().or(self.memory_stat_of) == Some(memcg))
    }

    /// Empty passes that belong here, in all runs of them.
    #[must_use]
    pub fn empty_passes(&self) -> u64 {
        let runs = self.empty.iter().chain(&self.other_empty);
        runs.fold(0, |all: u64, run| all.saturating_add(run.count)).saturating_sub(self.told_before)
    }

    /// Whether it consists of empty passes alone.
    #[must_use]
    pub const fn is_empty_run(&self) -> bool {
        self.empty.is_some() && self.victims.is_empty() && self.choice.is_none()
    }

    /// The last of them, `CLOCK_BOOTTIME` ns.
    #[must_use]
    pub fn last_empty_ns(&self) -> Option<u64> {
        self.empty.iter().chain(&self.other_empty).map(|run| run.last_ns).max()
    }

    /// Whether passes of that run belong here already.
    #[must_use]
    pub fn has_run(&self, passes: &EmptyPasses) -> bool {
        self.count_of(passes).is_some()
    }

    /// The latest count of that run that came here, if one came.
    #[must_use]
    pub fn count_of(&self, passes: &EmptyPasses) -> Option<u64> {
        let mut runs = self.empty.iter().chain(&self.other_empty);
        runs.find(|known| known.first_ns == passes.first_ns).map(|known| known.count)
    }

    /// Takes a run of empty passes over, or a later count of one that is known. Runs of several kinds may alternate.
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

    /// Whether anybody was killed or marked.
    #[must_use]
    pub const fn has_victims(&self) -> bool {
        !self.victims.is_empty()
    }
}
