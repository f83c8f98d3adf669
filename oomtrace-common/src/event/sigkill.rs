//! The kernel itself sent SIGKILL (`SEND_SIG_PRIV`).

use crate::limits::COMM_BYTES;

/// Sender and target.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Sigkill {
    /// Target process id.
    pub pid: i32,
    /// Target thread id.
    pub tid: i32,
    /// Process id of the current task.
    pub sender_pid: i32,
    /// Thread id of the current task.
    pub sender_tid: i32,
    /// When the target process began, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: u64,
    /// Kernfs id of the target's memory cgroup; 0 if unread.
    pub memcg: u64,
    /// `comm` of the target.
    pub comm: [u8; COMM_BYTES],
    /// `comm` of the current task.
    pub sender_comm: [u8; COMM_BYTES],
    /// `result` of the tracepoint: 0 delivered, 1 ignored, 2 already pending.
    pub result: i32,
    /// 1 when current was inside `out_of_memory`.
    pub in_pass: u32,
    /// Always 0.
    pub reserved: u64,
}
