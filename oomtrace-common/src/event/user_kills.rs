//! SIGKILLs and SIGTERMs from user space, counted by sender and cgroup. One act can kill thousands of processes, and only the
//! first signals have their own frames.

/// The signals of one act. Pauses between them are shorter than [`crate::limits::USER_KILL_BURST_NS`], or
/// [`crate::limits::write_pause_ns`] in a write to `cgroup.kill`. The kernel side counts
/// delivered signals. It does not count signals of a process to itself or to victims of the OOM killer.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct UserKills {
    /// Sender, cgroup and kind of signal.
    pub of: Act,
    /// `CLOCK_BOOTTIME` ns of the first signal.
    pub first_ns: u64,
    /// `CLOCK_BOOTTIME` ns of the last signal.
    pub last_ns: u64,
    /// Number of signals.
    pub count: u64,
    /// Number of signals for which the kernel side sent, or tried to send, a frame.
    pub told: u64,
}

/// The common properties of the signals of one act: the key in the kernel side's table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Act {
    /// Process id of the sender.
    pub sender_pid: i32,
    /// Number of the signal.
    pub signal: u32,
    /// `origin` of [`super::Sigkill`].
    pub origin: u32,
    /// `group` of [`super::Sigkill`].
    pub group: u32,
    /// Start time of the sender, `CLOCK_BOOTTIME` ns.
    pub sender_start_ns: u64,
    /// Kernfs id of the targets' memory cgroup.
    pub memcg: u64,
}

/// An act in the kernel side's table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActRun {
    /// The current content of a frame.
    pub kills: UserKills,
    /// Time of the last frame with the count, `CLOCK_BOOTTIME` ns.
    pub sent_ns: u64,
}
