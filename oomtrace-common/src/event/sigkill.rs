//! SIGKILL was sent by the kernel itself (`SEND_SIG_PRIV`) or from user space.

use super::Task;
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
    /// Start time of the target process, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: u64,
    /// Kernfs id of the target's memory cgroup; 0 if it was not read.
    pub memcg: u64,
    /// `comm` of the target.
    pub comm: [u8; COMM_BYTES],
    /// `comm` of the current task.
    pub sender_comm: [u8; COMM_BYTES],
    /// `result` of the tracepoint: 0 delivered, 1 ignored, 2 already pending.
    pub result: i32,
    /// 1 if the current task was inside `out_of_memory`.
    pub in_pass: u32,
    /// Number of signals from user space since the start that have no frame and are counted in no act: see
    /// [`crate::limits::USER_KILLS`].
    pub left_out: u64,
    /// The source: [`Sigkill::FROM_KERNEL`], [`Sigkill::FROM_NOINFO`] or [`Sigkill::FROM_SIGINFO`].
    pub origin: u32,
    /// `kernel_siginfo.si_code` with [`Sigkill::FROM_SIGINFO`]; at most 0 for user space.
    pub code: i32,
    /// The readable facts about the target.
    pub target: Task,
    /// The current task; all zeroes if the kernel sent the signal.
    pub sender: Task,
    /// `group` of the tracepoint: 1 if the signal is for the process, 0 if it is for one thread.
    pub group: u32,
    /// Bits of [`Sigkill::HAS_GROUP`] and [`Sigkill::AWAITS_EXIT`].
    pub flags: u32,
    /// Number of signals of this act so far, including this one: see [`super::UserKills::count`]. It is 0 if the kernel sent the
    /// signal or if the table of acts was full.
    pub act_count: u64,
    /// `CLOCK_BOOTTIME` ns of the first signal of this act.
    pub act_first_ns: u64,
}

impl Sigkill {
    /// `SEND_SIG_PRIV`: the kernel.
    pub const FROM_KERNEL: u32 = 0;
    /// `SEND_SIG_NOINFO`: `cgroup.kill`, the exit of the parent (`PR_SET_PDEATHSIG`), and `kill(2)` on 7.3.
    pub const FROM_NOINFO: u32 = 1;
    /// A `kernel_siginfo`: `kill(2)` and related calls.
    pub const FROM_SIGINFO: u32 = 2;

    /// `group` was read.
    pub const HAS_GROUP: u32 = 1 << 0;
    /// A SIGTERM by a program whose purpose is to kill when memory is short: the target's exit will be sent.
    pub const AWAITS_EXIT: u32 = 1 << 1;
}
