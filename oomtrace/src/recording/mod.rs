//! Frames in a file.
//!
//! A file is a header of 16 bytes (`OOMTRACE`, the format's version as a little-endian `u32`, four zero bytes) and
//! then records: a little-endian `u32` length, a CRC-32C of the frame as a little-endian `u32`, and the frame itself
//! as it crossed the ring buffer. The first frame is the session.

mod read;
mod write;

pub use read::{ReadError, Reader};
pub use write::Writer;

/// What a recording begins with.
pub const MAGIC: [u8; 8] = *b"OOMTRACE";

/// The version of the format that this code writes.
pub const VERSION: u32 = 1;

/// Bytes before the first record.
pub const HEADER_BYTES: usize = 16;

/// The longest frame that is taken for one: context frames hold a command line at most.
pub const FRAME_BYTES_MAX: u32 = 1 << 20;
