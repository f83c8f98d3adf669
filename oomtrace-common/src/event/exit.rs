//! A task of a victim process exited (`sched_process_exit`). From 6.16 on that is before its memory is released.

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
    /// When the process began, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: u64,
    /// Threads of the process still alive, this one not counted (`signal->live`); the last one out reads 0.
    pub live: i32,
    /// Always 0.
    pub reserved: u32,
}
