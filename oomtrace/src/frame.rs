//! Frames: a header and the bytes of one event, borrowed from their buffer.

use oomtrace_common::frame::{FrameHeader, Kind, Wire};
use serde::Serialize;
use zerocopy::{FromBytes as _, Immutable, IntoBytes};

/// Size of a header in bytes.
pub const HEADER_BYTES: usize = size_of::<FrameHeader>();

/// One frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Kind, length, time and pass.
    pub header: FrameHeader,
    /// The event's bytes.
    pub payload: &'a [u8],
}

/// Bytes that are not a frame, or a frame whose event cannot be decoded. Offsets count from the frame's first byte.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are fewer bytes than a header has.
    #[error("a frame needs {HEADER_BYTES} bytes of header and has {found}")]
    NoHeader {
        /// The number of bytes found.
        found: usize,
    },
    /// There are fewer bytes than the header says.
    #[error("the frame's header promises {wanted} bytes after byte {HEADER_BYTES}, and there are {found}")]
    Short {
        /// The number of bytes in the header.
        wanted: u32,
        /// The number of bytes found.
        found: usize,
    },
    /// There are more bytes than the header says.
    #[error("{surplus} bytes follow the frame at byte {at}")]
    Surplus {
        /// The offset of the surplus.
        at: usize,
        /// The number of surplus bytes.
        surplus: usize,
    },
    /// The JSON of a context frame is invalid or does not match its kind.
    #[error("the {kind:?} frame's JSON at byte {HEADER_BYTES} is not valid: {because}")]
    Context {
        /// The kind.
        kind: Kind,
        /// The parser's error.
        because: String,
    },
}

impl<'a> Frame<'a> {
    /// Parses all of `bytes` as exactly one frame.
    ///
    /// # Errors
    ///
    /// If the bytes are fewer or more than the header says.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (frame, rest) = Self::split(bytes)?;
        if rest.is_empty() {
            return Ok(frame);
        }
        Err(DecodeError::Surplus { at: bytes.len() - rest.len(), surplus: rest.len() })
    }

    /// The consecutive frames in `bytes`, each with its own bytes. Ends at the first position that is not a frame.
    pub fn each(mut bytes: &'a [u8]) -> impl Iterator<Item = (Self, &'a [u8])> {
        std::iter::from_fn(move || {
            let (frame, rest) = Self::split(bytes).ok()?;
            let own = bytes.get(..bytes.len() - rest.len())?;
            bytes = rest;
            Some((frame, own))
        })
    }

    fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let Ok((header, rest)) = FrameHeader::read_from_prefix(bytes) else {
            return Err(DecodeError::NoHeader { found: bytes.len() });
        };
        let short = DecodeError::Short { wanted: header.len, found: rest.len() };
        let wanted = usize::try_from(header.len).map_err(|_| short.clone())?;
        let (payload, rest) = rest.split_at_checked(wanted).ok_or(short)?;
        Ok((Self { header, payload }, rest))
    }
}

/// Builds a frame in the form of the eBPF side, for facts that user space read from the kernel's own tables.
#[must_use]
pub fn kernel_frame<T: Wire + IntoBytes + Immutable>(boot_ns: u64, pass: u64, event: &T) -> Vec<u8> {
    let len = u32::try_from(size_of::<T>()).unwrap_or(0);
    let header = FrameHeader { kind: T::KIND.number(), reserved: 0, len, boot_ns, pass };
    [header.as_bytes(), event.as_bytes()].concat()
}

/// Builds a context frame: header and JSON.
#[must_use]
pub fn context_frame(kind: Kind, boot_ns: u64, pass: u64, payload: &impl Serialize) -> Vec<u8> {
    // The context types are plain data with string keys, so encoding them as JSON cannot fail.
    json_frame(kind, boot_ns, pass, &serde_json::to_vec(payload).unwrap_or_default())
}

/// Builds a context frame from existing JSON.
#[must_use]
pub fn json_frame(kind: Kind, boot_ns: u64, pass: u64, json: &[u8]) -> Vec<u8> {
    let len = u32::try_from(json.len()).unwrap_or(0);
    let header = FrameHeader { kind: kind.number(), reserved: 0, len, boot_ns, pass };
    [header.as_bytes(), json].concat()
}

#[cfg(test)]
mod tests {
    use oomtrace_common::frame::Kind;

    use super::{DecodeError, Frame, context_frame};
    use crate::context::Tick;

    #[test]
    fn parses_exactly_the_bytes_that_the_header_says() {
        let bytes = context_frame(Kind::Tick, 7, 3, &Tick {});
        let frame = Frame::parse(&bytes).unwrap();
        assert_eq!((frame.header.boot_ns, frame.header.pass, frame.payload), (7, 3, &b"{}"[..]));
        for cut in 0..bytes.len() {
            assert!(Frame::parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert_eq!(Frame::parse(&longer).unwrap_err(), DecodeError::Surplus { at: 26, surplus: 1 });
    }

    #[test]
    fn yields_consecutive_frames_and_leaves_out_a_torn_end() {
        let bytes = context_frame(Kind::Tick, 1, 0, &Tick {});
        let row = [&bytes[..], &bytes, &bytes[..20]].concat();
        let frames: Vec<usize> = Frame::each(&row).map(|(_, own)| own.len()).collect();
        assert_eq!(frames, [26, 26]);
    }
}
