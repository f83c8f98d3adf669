//! A task of a victim, or of a process that a killer in user space told to exit, exits (`sched_process_exit`). From 6.16 on, its
//! memory is not released yet.

/// The exit.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Exit {
    /// Process id.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// Start time of the process, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: u64,
    /// Number of other threads of the process that are alive (`signal->live`); 0 for the last thread.
    pub live: i32,
    /// Always 0.
    pub reserved: u32,
}
