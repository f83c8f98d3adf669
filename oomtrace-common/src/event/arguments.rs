//! The arguments of a process that is about to go.

use crate::limits::ARGUMENTS_BYTES;

/// What the kernel side can read: of the current process alone, and as far as it is in memory. To ask procfs takes a page, and
/// where there is none waits until the victim has gone.
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
    /// When the process began, `CLOCK_BOOTTIME` ns; 0 where that was not read.
    pub start_boot_ns: u64,
    /// Bytes of all arguments, a NUL behind each (`mm_struct.arg_end - arg_start`).
    pub bytes: u64,
    /// Bytes of `text`.
    pub text_bytes: u32,
    /// Always 0.
    pub reserved: u32,
    /// The arguments, or their beginning.
    pub text: [u8; ARGUMENTS_BYTES],
}
