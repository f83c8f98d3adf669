//! `__oom_kill_process`: the kernel is about to send SIGKILL to a process.

use super::Task;

/// A process that the kernel kills: the chosen process, or another member of its `memory.oom.group`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct KillProcess {
    /// The victim. Its `mm` may be released while another thread of the process still has it. The later mark then has the memory
    /// figures.
    pub victim: Task,
}
