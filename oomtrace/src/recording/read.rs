//! The reading end.

use std::io::{self, Read};

use super::{FRAME_BYTES_MAX, HEADER_BYTES, MAGIC, VERSION};

/// Why a recording cannot be read (on).
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not a recording at all.
    #[error(
        "not an oomtrace recording: the first bytes are not OOMTRACE; record one with `oomtrace watch --record FILE`"
    )]
    NotARecording,
    /// A newer format.
    #[error(
        "recording format {found} is newer than this oomtrace reads ({VERSION}); read it with a newer oomtrace"
    )]
    Newer {
        /// The version it has.
        found: u32,
    },
    /// A record whose bytes changed.
    #[error("the record at byte {offset} is damaged ({what}); everything before it was read")]
    Damaged {
        /// Where the record begins.
        offset: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// The file failed.
    #[error("reading at byte {offset} failed: {error}")]
    Io {
        /// Where.
        offset: u64,
        /// What the system said.
        error: io::Error,
    },
}

/// Reads records from `R`. A record that is not there to its end (the recorder was killed while it wrote) is simply not
/// there.
pub struct Reader<R: Read> {
    input: R,
    offset: u64,
    torn: bool,
}

impl<R: Read> Reader<R> {
    /// Checks the header.
    ///
    /// # Errors
    ///
    /// If this is no recording, or a newer one.
    pub fn new(mut input: R) -> Result<Self, ReadError> {
        let mut header = [0; HEADER_BYTES];
        let read = fill(&mut input, &mut header).map_err(|error| ReadError::Io { offset: 0, error })?;
        let (magic, rest) = header.split_at(MAGIC.len());
        if read < HEADER_BYTES || magic != MAGIC {
            return Err(ReadError::NotARecording);
        }
        let version = rest.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if version > VERSION {
            return Err(ReadError::Newer { found: version });
        }
        Ok(Self { input, offset: 16, torn: false })
    }

    /// Appends the next frame to `frame`; false at the end.
    ///
    /// # Errors
    ///
    /// If the record is damaged or the file fails.
    pub fn next(&mut self, frame: &mut Vec<u8>) -> Result<bool, ReadError> {
        let offset = self.offset;
        let failed = |error| ReadError::Io { offset, error };
        let mut head = [0; 8];
        let read = fill(&mut self.input, &mut head).map_err(failed)?;
        if read < head.len() {
            self.torn = read > 0;
            return Ok(false);
        }
        let [a, b, c, d, e, f, g, h] = head;
        let (length, crc) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if length > FRAME_BYTES_MAX {
            return Err(ReadError::Damaged { offset, what: "its length is out of range" });
        }
        let start = frame.len();
        let wanted = u64::from(length);
        let read = (&mut self.input).take(wanted).read_to_end(frame).map_err(failed)?;
        let bytes = frame.get(start..).unwrap_or_default();
        if u32::try_from(read) != Ok(length) {
            frame.truncate(start);
            self.torn = true;
            return Ok(false);
        }
        if crc32c::crc32c(bytes) != crc {
            frame.truncate(start);
            return Err(ReadError::Damaged { offset, what: "its checksum does not fit" });
        }
        self.offset += 8 + wanted;
        Ok(true)
    }

    /// Where the next record begins, in bytes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the file ended inside a record.
    #[must_use]
    pub const fn torn(&self) -> bool {
        self.torn
    }
}

/// Fills the buffer as far as the input goes.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::{ReadError, Reader};
    use crate::recording::Writer;

    fn recording(frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes).unwrap();
        for frame in frames {
            writer.write(frame).unwrap();
        }
        bytes
    }

    fn read_all(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, bool), ReadError> {
        let mut reader = Reader::new(bytes)?;
        let mut frames = Vec::new();
        let mut frame = Vec::new();
        while reader.next(&mut frame)? {
            frames.push(std::mem::take(&mut frame));
        }
        Ok((frames, reader.torn()))
    }

    #[test]
    fn what_was_written_is_read_and_a_cut_anywhere_keeps_every_whole_frame() {
        let bytes = recording(&[b"first", b"", b"the third"]);
        let ends = [16, 29, 37, 54];
        assert_eq!(read_all(&bytes).unwrap().0, [b"first".to_vec(), b"".to_vec(), b"the third".to_vec()]);
        for cut in 16..bytes.len() {
            let (frames, torn) = read_all(&bytes[..cut]).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(frames.len(), whole, "cut at {cut}");
            assert_eq!(torn, !ends.contains(&cut), "cut at {cut}");
        }
        for cut in 0..16 {
            assert!(matches!(read_all(&bytes[..cut]), Err(ReadError::NotARecording)));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed_with_its_place() {
        let bytes = recording(&[b"first", b"second"]);
        for position in 16..bytes.len() {
            for bit in 0..8 {
                let mut broken = bytes.clone();
                broken[position] ^= 1 << bit;
                match read_all(&broken) {
                    Err(ReadError::Damaged { offset, .. }) => assert!(offset == 16 || offset == 29),
                    Ok((frames, torn)) => assert!(torn && frames.len() < 2, "byte {position} bit {bit}"),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    #[test]
    fn a_newer_format_is_refused_in_words() {
        let mut bytes = recording(&[]);
        bytes[8] = 2;
        assert!(matches!(read_all(&bytes), Err(ReadError::Newer { found: 2 })));
    }
}
