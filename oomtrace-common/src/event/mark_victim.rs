//! `mark_victim`: a task got access to memory reserves. This is not a kill, and it can happen several times per victim (up to 12
//! times per kill from 6.16 on). On the tracepoint tier, it is the only information about the decision.

use super::Task;

/// A marked task, and the task that was running.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct MarkVictim {
    /// The marked task. If the kernel's tracepoint has only a pid, `present` is 0 and only `tid` is set.
    pub victim: Task,
    /// The current task: the trigger.
    pub trigger: Task,
}
