//! Frames in a file, readable on any machine and after a crash at any byte. `docs/recording-format.md` describes the same
//! format for people who write their own reader.
//!
//! ```text
//! 0   8  "OOMTRACE"
//! 8   4  version of the format, little-endian
//! 12  4  zero
//! 16     records, each at a multiple of 8:
//!          0  4  length n of the frame in bytes, little-endian; at least 24
//!          4  4  CRC-32C of those four bytes and of the frame, little-endian
//!          8  n  the frame as it crossed the ring buffer: its header (`FrameHeader`) and its event
//!                zero bytes up to the next multiple of 8
//!        where four zero bytes stand for a length, zero bytes follow up to the next multiple of 4096
//! ```
//!
//! The recorder writes whole blocks of 4096 bytes and never writes one twice, so an interrupted write cannot damage earlier
//! blocks. The first frame is the session. In a directory of recordings, each file begins with the frames that were sent once
//! and are needed to read the rest.

mod block;
pub mod directory;
mod read;
pub mod recorder;
mod write;

pub use block::{BLOCK_BYTES, Blocks};
pub use read::{ReadError, Reader};
use write::records;
pub use write::{append, header};

/// The first bytes of a recording.
pub const MAGIC: [u8; 8] = *b"OOMTRACE";

/// The version of the format that this code writes.
pub const VERSION: u32 = 1;

/// Bytes before the first record.
pub const HEADER_BYTES: usize = 16;

/// Bytes of a record before its frame.
pub const RECORD_HEAD_BYTES: usize = 8;

/// Records begin at multiples of this.
pub const ALIGNMENT: usize = 8;

/// The maximum length of a frame. Context frames contain at most a command line.
pub const FRAME_BYTES_MAX: u32 = 1 << 20;
