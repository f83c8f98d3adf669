//! The writing end.

use std::io::{self, Write};

use super::{MAGIC, VERSION};

/// Writes records to `W`.
pub struct Writer<W: Write> {
    output: W,
}

impl<W: Write> Writer<W> {
    /// Begins a recording.
    ///
    /// # Errors
    ///
    /// If the header cannot be written.
    pub fn new(mut output: W) -> io::Result<Self> {
        output.write_all(&MAGIC)?;
        output.write_all(&VERSION.to_le_bytes())?;
        output.write_all(&[0; 4])?;
        Ok(Self { output })
    }

    /// Appends one frame, header and payload as they are.
    ///
    /// # Errors
    ///
    /// If it cannot be written; what was written before is whole.
    pub fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
        let mut record = Vec::with_capacity(frame.len() + 8);
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&crc32c::crc32c(frame).to_le_bytes());
        record.extend_from_slice(frame);
        self.output.write_all(&record)
    }

    /// Hands everything on.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
