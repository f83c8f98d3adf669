//! A task's facts. Each is absent if it could not be read.

use oomtrace_common::event as wire;

use crate::{bytes::ByteString, context::Process};

/// The kernel's facts about a task and its process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// Process id.
    pub pid: Option<i32>,
    /// Thread id.
    pub tid: Option<i32>,
    /// Process id in its own namespace.
    pub ns_pid: Option<i32>,
    /// Name of the task.
    pub comm: Option<ByteString>,
    /// Name of the process.
    pub leader_comm: Option<ByteString>,
    /// `PF_*` bits.
    pub flags: Option<u32>,
    /// Real user id.
    pub uid: Option<u32>,
    /// Start time of the process, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: Option<u64>,
    /// `oom_score_adj`, from -1000 to 1000.
    pub oom_score_adj: Option<i16>,
    /// Kernfs id of its memory cgroup.
    pub memcg: Option<u64>,
    /// Memory, as the counters show it.
    pub memory: Option<Counters>,
    /// Memory, with the per-CPU parts of the counters added.
    pub exact: Option<Counters>,
}

/// Memory counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Address space, pages.
    pub total_vm_pages: u64,
    /// Resident file pages. This counter and the next three are never negative: the kernel reads negative values as 0.
    pub file_pages: u64,
    /// Resident anonymous pages.
    pub anon_pages: u64,
    /// Resident shared pages.
    pub shmem_pages: u64,
    /// Swapped-out pages.
    pub swap_pages: u64,
    /// Bytes of page tables.
    pub pgtables_bytes: u64,
}

impl Counters {
    /// The base of the badness value, in pages.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L200>
    #[must_use]
    pub const fn base_pages(self, page_size: u64) -> u64 {
        self.resident_pages().saturating_add(self.swap_pages).saturating_add(self.pgtables_pages(page_size))
    }

    /// Resident pages of all kinds.
    #[must_use]
    pub const fn resident_pages(self) -> u64 {
        self.file_pages.saturating_add(self.anon_pages).saturating_add(self.shmem_pages)
    }

    /// Number of pages used by page tables.
    #[must_use]
    pub const fn pgtables_pages(self, page_size: u64) -> u64 {
        match self.pgtables_bytes.checked_div(page_size) {
            Some(pages) => pages,
            None => 0,
        }
    }
}

impl From<&wire::Task> for Task {
    fn from(task: &wire::Task) -> Self {
        let has = |bit| task.present & bit != 0;
        Self {
            pid: has(wire::Task::PID).then_some(task.pid),
            // If a tracepoint reports a single number, it is a thread's.
            tid: (has(wire::Task::PID) || task.tid > 0).then_some(task.tid),
            ns_pid: has(wire::Task::NS_PID).then_some(task.ns_pid),
            comm: has(wire::Task::PID).then(|| ByteString::until_nul(&task.comm)),
            leader_comm: has(wire::Task::LEADER).then(|| ByteString::until_nul(&task.leader_comm)),
            flags: has(wire::Task::PID).then_some(task.flags),
            uid: has(wire::Task::UID).then_some(task.uid),
            start_boot_ns: has(wire::Task::LEADER).then_some(task.start_boot_ns),
            oom_score_adj: has(wire::Task::OOM_SCORE_ADJ).then_some(task.oom_score_adj),
            memcg: (has(wire::Task::MEMCG) && task.memcg != 0).then_some(task.memcg),
            memory: has(wire::Task::MEMORY).then(|| counters(task)),
            exact: (has(wire::Task::MEMORY) && has(wire::Task::EXACT)).then(|| exact(task)),
        }
    }
}

impl From<&wire::Candidate> for Counters {
    fn from(row: &wire::Candidate) -> Self {
        Self {
            total_vm_pages: row.total_vm_pages,
            file_pages: clamp(row.file_rss_pages),
            anon_pages: clamp(row.anon_rss_pages),
            shmem_pages: clamp(row.shmem_rss_pages),
            swap_pages: clamp(row.swap_pages),
            pgtables_bytes: row.pgtables_bytes,
        }
    }
}

fn counters(task: &wire::Task) -> Counters {
    Counters {
        total_vm_pages: task.total_vm_pages,
        file_pages: clamp(task.file_rss_pages),
        anon_pages: clamp(task.anon_rss_pages),
        shmem_pages: clamp(task.shmem_rss_pages),
        swap_pages: clamp(task.swap_pages),
        pgtables_bytes: task.pgtables_bytes,
    }
}

fn exact(task: &wire::Task) -> Counters {
    Counters {
        file_pages: clamp(task.file_rss_exact),
        anon_pages: clamp(task.anon_rss_exact),
        shmem_pages: clamp(task.shmem_rss_exact),
        swap_pages: clamp(task.swap_exact),
        ..counters(task)
    }
}

/// Converts a counter. A counter may be negative for a moment; the kernel reads it as 0 then.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/percpu_counter.h#L97>
fn clamp(counter: i64) -> u64 {
    u64::try_from(counter).unwrap_or(0)
}

impl Task {
    /// The bit of `task_struct.flags` that marks a kernel thread.
    /// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched.h#L1706>
    const PF_KTHREAD: u32 = 0x0020_0000;
    /// The bit that marks an exiting task.
    const PF_EXITING: u32 = 0x0000_0004;
    /// The bit that marks kswapd.
    const PF_KSWAPD: u32 = 0x0002_0000;

    /// Whether both are the same process. The kernel reuses pids, so the start time is compared as well if both are known.
    #[must_use]
    pub fn is_same_process(&self, other: &Self) -> bool {
        let differ = |left: Option<u64>, right: Option<u64>| matches!((left, right), (Some(left), Some(right)) if left != right);
        match (self.pid, other.pid) {
            (Some(left), Some(right)) => left == right && !differ(self.start_boot_ns, other.start_boot_ns),
            _ => self.tid.is_some() && self.tid == other.tid,
        }
    }

    /// Fills absent fields from another reading.
    pub fn complete_from(&mut self, other: &Self) {
        let Self {
            pid,
            tid,
            ns_pid,
            comm,
            leader_comm,
            flags,
            uid,
            start_boot_ns,
            oom_score_adj,
            memcg,
            memory,
            exact,
        } = self;
        *pid = pid.or(other.pid);
        *tid = tid.or(other.tid);
        *ns_pid = ns_pid.or(other.ns_pid);
        *flags = flags.or(other.flags);
        *uid = uid.or(other.uid);
        *start_boot_ns = start_boot_ns.or(other.start_boot_ns);
        *oom_score_adj = oom_score_adj.or(other.oom_score_adj);
        *memcg = memcg.or(other.memcg);
        if memory.is_none() {
            (*memory, *exact) = (other.memory, other.exact);
        }
        if comm.is_none() {
            comm.clone_from(&other.comm);
        }
        if leader_comm.is_none() {
            leader_comm.clone_from(&other.leader_comm);
        }
    }

    /// Whether the task is a kernel thread.
    #[must_use]
    pub fn is_kthread(&self) -> bool {
        self.flags.is_some_and(|flags| flags & Self::PF_KTHREAD != 0)
    }

    /// Whether the task is a kernel worker that is bound to a CPU, such as `kworker/1:0`.
    #[must_use]
    pub fn is_bound_kworker(&self) -> bool {
        self.after_kworker().is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    }

    /// Whether the task is a kernel worker that may run on any CPU, such as `kworker/u8:2`.
    /// <https://github.com/torvalds/linux/blob/v6.12/kernel/workqueue.c> (`format_worker_id`)
    #[must_use]
    pub fn is_unbound_kworker(&self) -> bool {
        self.after_kworker().is_some_and(|rest| rest.starts_with(b"u"))
    }

    fn after_kworker(&self) -> Option<&[u8]> {
        let comm = self.comm.as_ref().filter(|_| self.is_kthread())?;
        comm.as_bytes().strip_prefix(b"kworker/")
    }

    /// Whether the task is exiting.
    #[must_use]
    pub fn is_exiting(&self) -> bool {
        self.flags.is_some_and(|flags| flags & Self::PF_EXITING != 0)
    }

    /// Whether the task is kswapd.
    #[must_use]
    pub fn is_kswapd(&self) -> bool {
        self.flags.is_some_and(|flags| flags & Self::PF_KSWAPD != 0)
    }
}

/// Whether the facts from procfs describe this task's process.
#[must_use]
pub fn is_of(process: &Process, task: &Task) -> bool {
    let differ =
        matches!((process.start_boot_ns, task.start_boot_ns), (Some(left), Some(right)) if left != right);
    let pid = task.pid.or(task.tid);
    pid == Some(process.pid) && !differ
}
