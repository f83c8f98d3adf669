//! `oom_kill_process`: the decision fell on a task. Not yet a kill.

use super::Task;
use crate::limits::MESSAGE_BYTES;

/// The chosen task, with what made it so.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct OomKillProcess {
    /// `oc->chosen`.
    pub chosen: Task,
    /// `oc->chosen_points`, in pages; 0 where nobody was evaluated, `LONG_MAX` for an `oom_flag_origin` task.
    pub points: i64,
    /// `oc->totalpages`: size of the domain in pages, swap included.
    pub total_pages: u64,
    /// `oc->constraint`, an `enum oom_constraint` of the running kernel.
    pub constraint: u32,
    /// Tasks that `oom_evaluate_task` looked at in this pass; nothing where the session says it is not hooked.
    pub evaluated: u32,
    /// The head of the message the kernel prints, NUL-terminated.
    pub message: [u8; MESSAGE_BYTES],
    /// Always 0.
    pub reserved: u64,
}
