//! SIGKILLs and SIGTERMs from user space, counted by sender and cgroup: one act can kill thousands of processes, and only the first of
//! them have frames of their own.

/// The signals of one act: without a pause of [`crate::limits::USER_KILL_BURST_NS`] between them. The kernel side counts signals that
/// arrived, but neither those of a process to itself nor those to victims of the OOM killer.
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
    /// Those that the kernel side sent frames of, or tried to.
    pub told: u64,
}

/// What the signals of one act have in common: the key of the kernel's table.
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
    /// When the sender began, `CLOCK_BOOTTIME` ns.
    pub sender_start_ns: u64,
    /// Kernfs id of the targets' memory cgroup.
    pub memcg: u64,
}

/// An act in the kernel's table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActRun {
    /// What a frame would say now.
    pub kills: UserKills,
    /// When the last frame of the count was sent, `CLOCK_BOOTTIME` ns.
    pub sent_ns: u64,
}
