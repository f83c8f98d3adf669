//! The kernel's data about a task and its process at the time of the frame.

use crate::limits::COMM_BYTES;

/// Facts about one task. `present` says which facts could be read.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Task {
    /// Bits such as [`Task::PID`].
    pub present: u32,
    /// Process id in the root pid namespace (`task_struct.tgid`).
    pub pid: i32,
    /// Thread id of the task that the kernel acted on (`task_struct.pid`).
    pub tid: i32,
    /// Process id in the innermost pid namespace of the process.
    pub ns_pid: i32,
    /// Real user id in the initial user namespace, as in the kernel's log (`task_uid`).
    pub uid: u32,
    /// `task_struct.flags`, the `PF_*` bits.
    pub flags: u32,
    /// Start time of the process, `CLOCK_BOOTTIME` ns (`group_leader->start_boottime`).
    pub start_boot_ns: u64,
    /// Kernfs id of the process's memory cgroup. [`super::Memcg`] frames contain its path.
    pub memcg: u64,
    /// `mm_struct.total_vm`, in pages.
    pub total_vm_pages: u64,
    /// Resident file pages (`MM_FILEPAGES`): the value of the counter itself. From 6.2 to 6.19, the kernel uses these approximate
    /// values, which can be too low by up to one batch per CPU. From 7.0 on, it uses the exact sums.
    pub file_rss_pages: i64,
    /// Resident anonymous pages (`MM_ANONPAGES`).
    pub anon_rss_pages: i64,
    /// Swap entries (`MM_SWAPENTS`), in pages.
    pub swap_pages: i64,
    /// Resident shared-memory pages (`MM_SHMEMPAGES`).
    pub shmem_rss_pages: i64,
    /// `mm_struct.pgtables_bytes`.
    pub pgtables_bytes: u64,
    /// `task_struct.comm` of the task.
    pub comm: [u8; COMM_BYTES],
    /// `task_struct.comm` of the thread group leader.
    pub leader_comm: [u8; COMM_BYTES],
    /// `signal_struct.oom_score_adj`, -1000 to 1000.
    pub oom_score_adj: i16,
    /// Always 0.
    pub reserved: [u8; 6],
    /// Resident file pages, summed over the CPUs.
    pub file_rss_exact: i64,
    /// Resident anonymous pages, summed over the CPUs.
    pub anon_rss_exact: i64,
    /// Swap entries, summed over the CPUs.
    pub swap_exact: i64,
    /// Resident shared-memory pages, summed over the CPUs.
    pub shmem_rss_exact: i64,
}

const _: () = assert!(size_of::<Task>() == 160);

impl Task {
    /// `pid`, `tid`, `comm` and `flags` were read.
    pub const PID: u32 = 1 << 0;
    /// `ns_pid` was read.
    pub const NS_PID: u32 = 1 << 1;
    /// `uid` was read.
    pub const UID: u32 = 1 << 2;
    /// `start_boot_ns` and `leader_comm` were read.
    pub const LEADER: u32 = 1 << 3;
    /// `memcg` was read.
    pub const MEMCG: u32 = 1 << 4;
    /// The memory figures were read: the task had an `mm`.
    pub const MEMORY: u32 = 1 << 5;
    /// The `*_exact` figures were read: the counters are per CPU, and the parts of all CPUs were added.
    pub const EXACT: u32 = 1 << 6;
    /// `oom_score_adj` was read.
    pub const OOM_SCORE_ADJ: u32 = 1 << 7;
    /// `signal_struct.oom_mm` was set: the process was already an OOM victim.
    pub const WAS_VICTIM: u32 = 1 << 8;
}
