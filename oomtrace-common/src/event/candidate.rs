//! The table of candidates: the tasks that `oom_evaluate_task` examined, in its order.
//!
//! The kernel side keeps the table during the decision. It sends the table in chunks when the kernel has chosen a task, and for
//! the first of a run of passes that kill no process. Thousands of passes that choose no task therefore cost no frames.

use crate::limits::COMM_BYTES;

/// The header before the rows of a [`crate::frame::Kind::Candidate`] frame. Readers take the sizes of header and rows from
/// `head_bytes` and `row_bytes`, so that both can grow at their tails like every other event.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct CandidatesHead {
    /// Size of this header in bytes.
    pub head_bytes: u32,
    /// Size of one row in bytes.
    pub row_bytes: u32,
    /// Number of rows in this frame.
    pub rows: u32,
    /// Position of the first row in the whole table.
    pub first: u32,
    /// Number of kernel threads among the examined tasks. They have no row. This field and the next two describe the whole table.
    pub kernel_threads: u32,
    /// Number of tasks that were examined when the table was full.
    pub left_out: u32,
    /// The highest points among the tasks in `left_out`; `LONG_MIN` if none had points.
    pub left_out_points: i64,
}

/// One task that the kernel examined: the leader of a thread group.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Candidate {
    /// Bits such as [`Candidate::MEMORY`].
    pub present: u32,
    /// Process id.
    pub pid: i32,
    /// Start time of the process, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: u64,
    /// Kernfs id of its memory cgroup; 0 if it was not read.
    pub memcg: u64,
    /// Points, in pages; valid with [`Candidate::POINTS`] or [`Candidate::CHOSEN`]. `LONG_MIN` if the kernel passes the task
    /// over.
    pub points: i64,
    /// `mm_struct.total_vm`, in pages.
    pub total_vm_pages: u64,
    /// Resident file pages. This and the next three are the values of the counters themselves, without the parts of the CPUs:
    /// adding those for each task would take too long under `oom_lock`.
    pub file_rss_pages: i64,
    /// Resident anonymous pages.
    pub anon_rss_pages: i64,
    /// Swap entries, in pages.
    pub swap_pages: i64,
    /// Resident shared-memory pages.
    pub shmem_rss_pages: i64,
    /// `mm_struct.pgtables_bytes`.
    pub pgtables_bytes: u64,
    /// `task_struct.comm`.
    pub comm: [u8; COMM_BYTES],
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// `signal_struct.oom_score_adj`.
    pub oom_score_adj: i16,
    /// The return value of `oom_evaluate_task`: 0 to continue, 1 to stop.
    pub returned: i16,
}

const _: () = assert!(size_of::<CandidatesHead>() == 32);
const _: () = assert!(size_of::<Candidate>() == 104);

impl Candidate {
    /// The memory figures were read: the leader had an `mm`.
    pub const MEMORY: u32 = 1 << 0;
    /// `points` is the return value of `oom_badness` for this task.
    pub const POINTS: u32 = 1 << 1;
    /// After its evaluation, `oc->chosen` was this task, and `points` is `oc->chosen_points`.
    pub const CHOSEN: u32 = 1 << 2;
    /// `signal->oom_mm` was set: the process was already an OOM victim.
    pub const WAS_VICTIM: u32 = 1 << 3;
    /// `MMF_OOM_SKIP` is set in its `mm->flags` or in the flags of `signal->oom_mm`.
    pub const OOM_SKIP: u32 = 1 << 4;
    /// `vfork_done` is set and the parent has the same `mm`.
    pub const IN_VFORK: u32 = 1 << 5;
    /// `signal->oom_flag_origin` is set.
    pub const ORIGIN: u32 = 1 << 6;
    /// `uid` was read.
    pub const UID: u32 = 1 << 7;
    /// `oom_score_adj` was read.
    pub const OOM_SCORE_ADJ: u32 = 1 << 8;
}
