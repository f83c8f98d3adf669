//! The arguments of a process that the kernel is about to kill, or that has received SIGKILL.

use crate::limits::ARGUMENTS_BYTES;

/// The arguments that the kernel side can read: those of the current process, if their pages are in memory. User space needs a
/// free page to read them from procfs. If no page is free, it waits until the victim has exited.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Arguments {
    /// Process id.
    pub pid: i32,
    /// Thread id of the task that the kernel acts on.
    pub tid: i32,
    /// Start time of the process, `CLOCK_BOOTTIME` ns; 0 if it was not read.
    pub start_boot_ns: u64,
    /// Length of all arguments in bytes, with a NUL after each (`mm_struct.arg_end - arg_start`).
    pub bytes: u64,
    /// Number of bytes in `text`.
    pub text_bytes: u32,
    /// Always 0.
    pub reserved: u32,
    /// The arguments, or their beginning.
    pub text: [u8; ARGUMENTS_BYTES],
}
