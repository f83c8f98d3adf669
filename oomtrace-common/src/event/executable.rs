//! The executable of a process that received SIGKILL from the kernel.

use crate::limits::EXECUTABLE_BYTES;

/// The path of the executable, as the process itself read it before it exited.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Executable {
    /// Process id.
    pub pid: i32,
    /// Thread id of the thread that read the path.
    pub tid: i32,
    /// Start time of the process, `CLOCK_BOOTTIME` ns; 0 if it was not read.
    pub start_boot_ns: u64,
    /// [`Executable::WHOLE`] and [`Executable::DELETED`].
    pub flags: u32,
    /// Number of bytes in `text`.
    pub text_bytes: u32,
    /// The names in the path, with a NUL after each: the file's own name first, and the name below the root last.
    pub text: [u8; EXECUTABLE_BYTES],
}

impl Executable {
    /// `text` contains all names up to the root.
    pub const WHOLE: u32 = 1 << 0;
    /// The file was deleted or replaced after the start of the process.
    pub const DELETED: u32 = 1 << 1;
}
