//! The table of candidates: what `oom_evaluate_task` looked at, in its order. Kept in the kernel while the decision is
//! made, and sent in chunks once somebody is chosen (or for the first of a run of passes that kill nobody), so that the
//! thousands of passes that choose nobody cost no frame.

use crate::limits::COMM_BYTES;

/// Stands before the rows of a [`crate::frame::Kind::Candidate`] frame. `head_bytes` and `row_bytes` are the strides, so
/// that head and rows can grow at their tails like every other event.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct CandidatesHead {
    /// Bytes of this head.
    pub head_bytes: u32,
    /// Bytes of one row.
    pub row_bytes: u32,
    /// Rows that follow.
    pub rows: u32,
    /// Place of the first of them in the whole table.
    pub first: u32,
    /// Kernel threads among the tasks that were looked at: they have no row. Like what follows, of the whole table.
    pub kernel_threads: u32,
    /// Tasks that were looked at when the table was full.
    pub left_out: u32,
    /// The most points among those; `LONG_MIN` if none had any.
    pub left_out_points: i64,
}

/// One task the kernel looked at: the thread group's leader.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Candidate {
    /// Bits of [`Candidate::MEMORY`] and its neighbours.
    pub present: u32,
    /// Process id.
    pub pid: i32,
    /// When the process began, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: u64,
    /// Kernfs id of its memory cgroup; 0 if unread.
    pub memcg: u64,
    /// In pages; valid with [`Candidate::POINTS`] or [`Candidate::CHOSEN`]. `LONG_MIN`: the kernel passes it over.
    pub points: i64,
    /// `mm_struct.total_vm`, in pages.
    pub total_vm_pages: u64,
    /// Resident file pages as the counter itself has them, like the next three: summing over the CPUs would be work for
    /// each task under `oom_lock`.
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
    /// What `oom_evaluate_task` returned: 0 to go on, 1 to stop.
    pub returned: i16,
}

const _: () = assert!(size_of::<CandidatesHead>() == 32);
const _: () = assert!(size_of::<Candidate>() == 104);

impl Candidate {
    /// The memory figures were read: the leader had an `mm`.
    pub const MEMORY: u32 = 1 << 0;
    /// `points` is what `oom_badness` returned for it.
    pub const POINTS: u32 = 1 << 1;
    /// After it, `oc->chosen` was this task, and `points` is `oc->chosen_points`.
    pub const CHOSEN: u32 = 1 << 2;
    /// `signal->oom_mm` was set: a victim already.
    pub const WAS_VICTIM: u32 = 1 << 3;
    /// Its `mm->flags`, or those of `signal->oom_mm`, have `MMF_OOM_SKIP`.
    pub const OOM_SKIP: u32 = 1 << 4;
    /// `vfork_done` is set and the parent has the same `mm`.
    pub const IN_VFORK: u32 = 1 << 5;
    /// `signal->oom_flag_origin`.
    pub const ORIGIN: u32 = 1 << 6;
    /// `uid` was read.
    pub const UID: u32 = 1 << 7;
    /// `oom_score_adj` was read.
    pub const OOM_SCORE_ADJ: u32 = 1 << 8;
}
