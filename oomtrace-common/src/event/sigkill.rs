//! SIGKILL was sent: by the kernel itself (`SEND_SIG_PRIV`), or from user space.

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
    /// SIGKILLs from user space that were not sent here, since the start: see [`crate::limits::USER_KILLS`].
    pub left_out: u64,
    /// Where it came from: [`Sigkill::FROM_KERNEL`] and its neighbours.
    pub origin: u32,
    /// `kernel_siginfo.si_code`, where there was one ([`Sigkill::FROM_SIGINFO`]); at most 0 for user space.
    pub code: i32,
    /// The target, as far as it could be read.
    pub target: Task,
    /// The current task; nothing where the kernel sent the signal.
    pub sender: Task,
    /// `group` of the tracepoint: 1 if the signal is for the process, 0 if it is for one thread.
    pub group: u32,
    /// Bits of [`Sigkill::HAS_GROUP`].
    pub flags: u32,
    /// Signals of this act so far, this one included: see [`super::UserKills::count`]. 0 where the kernel sent the signal, or the
    /// table of acts was full.
    pub act_count: u64,
    /// `CLOCK_BOOTTIME` ns of the first of them.
    pub act_first_ns: u64,
}

impl Sigkill {
    /// `SEND_SIG_PRIV`: the kernel.
    pub const FROM_KERNEL: u32 = 0;
    /// `SEND_SIG_NOINFO`: `cgroup.kill`, a parent's death (`PR_SET_PDEATHSIG`), and `kill(2)` on 7.3.
    pub const FROM_NOINFO: u32 = 1;
    /// A `kernel_siginfo`: `kill(2)` and its kin.
    pub const FROM_SIGINFO: u32 = 2;

    /// `group` was read.
    pub const HAS_GROUP: u32 = 1 << 0;
}
