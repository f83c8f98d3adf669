//! A recording as a source of frames.

use std::io::Read;

use super::{Batch, Ended, Source, SourceError};
use crate::recording::{ReadError, Reader};

/// Bytes of frames that are handed on at a time.
const BATCH_BYTES: usize = 64 << 10;

/// The frames of a recording, as fast as they are asked for.
pub struct Replay<R: Read> {
    reader: Reader<R>,
    /// What stopped the reading, kept until the frames before it were handed on.
    broken: Option<ReadError>,
}

impl<R: Read> Replay<R> {
    /// Over an opened recording.
    #[must_use]
    pub const fn new(reader: Reader<R>) -> Self {
        Self { reader, broken: None }
    }

    /// Where the record begins in the middle of which the recording ends, once it has.
    #[must_use]
    pub fn torn_at(&self) -> Option<u64> {
        self.reader.torn().then(|| self.reader.offset())
    }

    /// Whether the recorder closed the recording, once its end was read.
    #[must_use]
    pub const fn closed(&self) -> bool {
        self.reader.closed()
    }
}

impl<R: Read> Source for Replay<R> {
    fn next(&mut self, _deadline: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
        batch.clear();
        if let Some(error) = self.broken.take() {
            return Err(error.into());
        }
        while batch.len() < BATCH_BYTES {
            match self.reader.next(batch) {
                Ok(true) => {}
                Ok(false) => return Ok(Batch::Last(Ended::Recording)),
                Err(error) => {
                    self.broken = Some(error);
                    return Ok(Batch::Frames);
                }
            }
        }
        Ok(Batch::Frames)
    }
}
