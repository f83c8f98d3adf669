//! A recording as a source of frames.

use std::io::Read;

use super::{Batch, Ended, Source, SourceError};
use crate::recording::{ReadError, Reader};

/// Number of bytes of frames that are passed on at a time.
const BATCH_BYTES: usize = 64 << 10;

/// The frames of a recording, without waiting between them.
pub struct Replay<R: Read> {
    reader: Reader<R>,
    /// The error that stopped the reading. It is kept until the frames before it were passed on.
    broken: Option<ReadError>,
}

impl<R: Read> Replay<R> {
    /// Reads from an opened recording.
    #[must_use]
    pub const fn new(reader: Reader<R>) -> Self {
        Self { reader, broken: None }
    }

    /// Returns the start of the record in which the recording is cut off, once the end was reached.
    #[must_use]
    pub fn torn_at(&self) -> Option<u64> {
        self.reader.torn().then(|| self.reader.offset())
    }

    /// Whether the recorder closed the recording. Valid once the end was read.
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
