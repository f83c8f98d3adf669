//! Reads the kernel's log record by record.

use std::fs::File;
use std::io::{ErrorKind, Read};

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags, SeekFrom, open, seek};

/// The longest record that the kernel returns (`PRINTK_MESSAGE_MAX`,
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/printk/internal.h#L38>), with a margin.
const RECORD_BYTES: usize = 16 * 1024;

/// A position in the kernel's log.
pub(crate) struct KernelLog(File);

impl KernelLog {
    /// The current end of the log.
    pub(crate) fn from_now() -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open("/dev/kmsg", flags, Mode::empty()).context("opening /dev/kmsg")?;
        seek(&file, SeekFrom::End(0)).context("going to the end of /dev/kmsg")?;
        Ok(Self(file.into()))
    }

    /// The records since then. One read returns one record.
    pub(crate) fn records(mut self) -> Result<Vec<String>> {
        let mut records = Vec::new();
        let mut record = vec![0; RECORD_BYTES];
        loop {
            match self.0.read(&mut record) {
                Ok(0) => return Ok(records),
                Ok(len) => {
                    let text = String::from_utf8_lossy(record.get(..len).unwrap_or_default());
                    records.push(text.trim_end_matches('\n').to_owned());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(records),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // EPIPE means that records were overwritten, so the witness would be incomplete.
                Err(error) => return Err(error).context("reading /dev/kmsg"),
            }
        }
    }
}
