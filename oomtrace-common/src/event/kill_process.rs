//! `__oom_kill_process`: this process is about to get SIGKILL, before it is sent.

use super::Task;

/// A process being killed: the chosen one, or a member of its `memory.oom.group`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct KillProcess {
    /// The victim. `mm` may be gone where another thread of the process still has it: the mark tells then.
    pub victim: Task,
}
