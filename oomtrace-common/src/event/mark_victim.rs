//! `mark_victim`: a task got access to memory reserves. Neither a kill nor once per victim (up to 12 per kill from
//! 6.16 on); on the tracepoint tier it is the only word there is.

use super::Task;

/// A marked task, and who was running.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct MarkVictim {
    /// The marked task; on kernels whose tracepoint has only a pid, `present` is 0 and `tid` alone is set.
    pub victim: Task,
    /// The current task: the trigger.
    pub trigger: Task,
}
