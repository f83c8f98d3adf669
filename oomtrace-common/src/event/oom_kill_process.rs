//! `oom_kill_process`: the kernel chose a task. This is not a kill yet.

use super::Task;
use crate::limits::MESSAGE_BYTES;

/// The chosen task and the values of the decision.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct OomKillProcess {
    /// `oc->chosen`.
    pub chosen: Task,
    /// `oc->chosen_points`, in pages; 0 if no task was evaluated, `LONG_MAX` for an `oom_flag_origin` task.
    pub points: i64,
    /// `oc->totalpages`: size of the domain in pages, including swap.
    pub total_pages: u64,
    /// `oc->constraint`, an `enum oom_constraint` of the running kernel.
    pub constraint: u32,
    /// Number of tasks that `oom_evaluate_task` examined in this pass. It has no meaning if the function is not hooked, as the
    /// session frame says.
    pub evaluated: u32,
    /// The start of the message that the kernel prints, terminated by a NUL.
    pub message: [u8; MESSAGE_BYTES],
    /// Bits such as [`OomKillProcess::SWAP`].
    pub present: u64,
    /// `nr_swap_pages`: free swap space of the machine, in pages.
    pub swap_free_pages: i64,
    /// `total_swap_pages`: swap space of the machine, in pages.
    pub swap_total_pages: i64,
}

impl OomKillProcess {
    /// `swap_free_pages` and `swap_total_pages` were read.
    pub const SWAP: u64 = 1 << 0;
}
