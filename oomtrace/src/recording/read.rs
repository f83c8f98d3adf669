//! The reader of recordings. It checks each record and stops at the first damage, so that everything it returns was written.

use std::io::{self, Read};

use super::{
    ALIGNMENT, BLOCK_BYTES, FRAME_BYTES_MAX, HEADER_BYTES, MAGIC, RECORD_HEAD_BYTES, VERSION, write::checksum,
};
use crate::frame;

/// The reason why a recording cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is not a recording.
    #[error(
        "not an oomtrace recording: the first bytes are not OOMTRACE; record one with `oomtrace record -o FILE`"
    )]
    NotARecording,
    /// The format is newer.
    #[error(
        "recording format {found} is newer than this oomtrace reads ({VERSION}); read it with a newer oomtrace"
    )]
    Newer {
        /// The version of the file.
        found: u32,
    },
    /// A record whose bytes changed.
    #[error("the record at byte {offset} is damaged ({what}); everything before it was read")]
    Damaged {
        /// The offset of the record.
        offset: u64,
        /// The inconsistency.
        what: &'static str,
    },
    /// A record that is incomplete.
    #[error(
        "the recording ends inside the record at byte {offset}: the recorder was stopped while it wrote, and everything \
         before it was read"
    )]
    Torn {
        /// The offset of the record.
        offset: u64,
    },
    /// The file does not exist, or reading it is not allowed.
    #[error("cannot open it: {0}")]
    Open(io::Error),
    /// Reading the file failed.
    #[error("reading at byte {offset} failed: {error}")]
    Io {
        /// The offset.
        offset: u64,
        /// The system's error.
        error: io::Error,
    },
}

/// Reads records from `R`. An incomplete record (the recorder was killed while it wrote) is left out.
pub struct Reader<R: Read> {
    input: R,
    offset: u64,
    torn: bool,
    /// Whether padding came last.
    padded: bool,
}

/// The bytes at the start of a record.
enum Head {
    /// A frame with this length and this checksum.
    Record([u8; 4], u32),
    /// Padding up to the next block.
    Padding,
    /// The end of the file.
    End,
}

impl<R: Read> Reader<R> {
    /// Checks the header. An empty file counts as one that ends inside the header.
    ///
    /// # Errors
    ///
    /// If this is not a recording, or a newer one.
    pub fn new(mut input: R) -> Result<Self, ReadError> {
        let mut header = [0; HEADER_BYTES];
        let read = fill(&mut input, &mut header).map_err(|error| ReadError::Io { offset: 0, error })?;
        // A recorder that was stopped before its first block was written leaves an empty file.
        if read == 0 {
            return Ok(Self { input, offset: 0, torn: true, padded: false });
        }
        let (magic, rest) = header.split_at(MAGIC.len());
        if read < HEADER_BYTES || magic != MAGIC {
            return Err(ReadError::NotARecording);
        }
        let version = rest.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if version > VERSION {
            return Err(ReadError::Newer { found: version });
        }
        Ok(Self { input, offset: 16, torn: false, padded: false })
    }

    /// Continues at this offset, where a record ends. The input must be there as well.
    pub(crate) const fn resume(input: R, offset: u64) -> Self {
        Self { input, offset, torn: false, padded: false }
    }

    /// Appends the next frame to `frame`; false at the end.
    ///
    /// # Errors
    ///
    /// If the record is damaged or the file fails.
    pub fn next(&mut self, frame: &mut Vec<u8>) -> Result<bool, ReadError> {
        loop {
            match self.head()? {
                Head::Record(length, crc) => {
                    self.padded = false;
                    return self.record(length, crc, frame);
                }
                Head::Padding => {
                    self.padded = true;
                    self.skip_padding()?;
                }
                Head::End => return Ok(false),
            }
        }
    }

    fn head(&mut self) -> Result<Head, ReadError> {
        let mut head = [0; RECORD_HEAD_BYTES];
        let read = fill(&mut self.input, &mut head).map_err(|error| self.failed(error))?;
        if read < head.len() {
            self.torn |= head.iter().any(|byte| *byte != 0);
            return Ok(Head::End);
        }
        let [a, b, c, d, e, f, g, h] = head;
        let crc = u32::from_le_bytes([e, f, g, h]);
        Ok(match ([a, b, c, d], crc) {
            ([0, 0, 0, 0], 0) => Head::Padding,
            ([0, 0, 0, 0], _) => return Err(self.damaged("its length is 0")),
            (length, crc) => Head::Record(length, crc),
        })
    }

    /// Skips to the next block. The last block may be shorter, because the recorder cuts it off when it ends.
    fn skip_padding(&mut self) -> Result<(), ReadError> {
        let block = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        let after_head = self.offset + u64::try_from(RECORD_HEAD_BYTES).unwrap_or(0);
        let end = self.offset.next_multiple_of(block).max(after_head);
        // At the start of a block, the whole block is padding.
        let end = if self.offset.is_multiple_of(block) { self.offset + block } else { end };
        let mut rest = [0; BLOCK_BYTES];
        let wanted = usize::try_from(end - after_head).unwrap_or(0);
        let rest = rest.get_mut(..wanted).unwrap_or_default();
        let read = fill(&mut self.input, rest).map_err(|error| self.failed(error))?;
        if rest.get(..read).is_some_and(|rest| rest.iter().any(|byte| *byte != 0)) {
            return Err(self.damaged("its length is 0"));
        }
        self.offset = end;
        Ok(())
    }

    fn record(&mut self, length: [u8; 4], crc: u32, frame: &mut Vec<u8>) -> Result<bool, ReadError> {
        let wanted = u32::from_le_bytes(length);
        let least = u32::try_from(frame::HEADER_BYTES).unwrap_or(u32::MAX);
        if !(least..=FRAME_BYTES_MAX).contains(&wanted) {
            return Err(self.damaged("its length is out of range"));
        }
        let start = frame.len();
        let end = start.saturating_add(usize::try_from(wanted).unwrap_or(usize::MAX));
        frame.resize(end, 0);
        let read = fill(&mut self.input, frame.get_mut(start..).unwrap_or_default());
        if read.as_ref().ok() != Some(&(end - start)) {
            frame.truncate(start);
            read.map_err(|error| self.failed(error))?;
            self.torn = true;
            return Ok(false);
        }
        if checksum(length, frame.get(start..).unwrap_or_default()) != crc {
            frame.truncate(start);
            return Err(self.damaged("its checksum does not fit"));
        }
        self.finish_record(u64::from(wanted))?;
        Ok(true)
    }

    /// Reads the zeros after a frame. A file may end before them.
    fn finish_record(&mut self, length: u64) -> Result<(), ReadError> {
        let end = self.offset + u64::try_from(RECORD_HEAD_BYTES).unwrap_or(0) + length;
        let aligned = end.next_multiple_of(u64::try_from(ALIGNMENT).unwrap_or(1));
        let mut rest = [0; ALIGNMENT];
        let rest = rest.get_mut(..usize::try_from(aligned - end).unwrap_or(0)).unwrap_or_default();
        fill(&mut self.input, rest).map_err(|error| self.failed(error))?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(self.damaged("it does not end in zeroes"));
        }
        self.offset = aligned;
        Ok(())
    }

    const fn damaged(&self, what: &'static str) -> ReadError {
        ReadError::Damaged { offset: self.offset, what }
    }

    const fn failed(&self, error: io::Error) -> ReadError {
        ReadError::Io { offset: self.offset, error }
    }

    /// The offset of the next record, in bytes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the recorder may have closed the file, once its end was read: it then cuts off the padding behind the last record. One
    /// file in 512 needs no padding.
    #[must_use]
    pub const fn closed(&self) -> bool {
        !self.torn && !self.padded
    }

    /// Whether the file ended inside a record.
    #[must_use]
    pub const fn torn(&self) -> bool {
        self.torn
    }
}

/// Fills the buffer, or as much of it as the input has.
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
mod tests;
