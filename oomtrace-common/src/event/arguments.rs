//! The arguments of a process that is about to go, or where it keeps them in its own memory.

use crate::limits::ARGUMENTS_BYTES;

/// What a look needs that takes no memory: the kernel's own way to show a command line needs a page, and waits where
/// there is none until the victim has gone.
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
    /// `mm_struct.arg_start`: the first byte, an address of that process; 0 where it has no memory any more.
    pub arg_start: u64,
    /// `mm_struct.arg_end`: behind the last one.
    pub arg_end: u64,
    /// Bytes of `text`: the kernel side can read the current process's own, where they are in memory.
    pub text_bytes: u32,
    /// Always 0.
    pub reserved: u32,
    /// The beginning of the arguments, with a NUL behind each.
    pub text: [u8; ARGUMENTS_BYTES],
}
