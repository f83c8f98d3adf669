//! The second serial port: one JSON document after the other, each with its length before it.

use std::fs::{File, OpenOptions};
use std::io::Write;

use anyhow::{Context, Result};
use rustix::termios::{OptionalActions, tcdrain, tcgetattr, tcsetattr};
use serde::Serialize;

/// The port, passing bytes unchanged.
pub(crate) struct Port(File);

impl Port {
    /// Open it.
    pub(crate) fn open() -> Result<Self> {
        let file =
            OpenOptions::new().write(true).read(true).open("/dev/ttyS1").context("opening /dev/ttyS1")?;
        let mut settings = tcgetattr(&file).context("asking /dev/ttyS1 for its settings")?;
        settings.make_raw();
        tcsetattr(&file, OptionalActions::Now, &settings).context("making /dev/ttyS1 raw")?;
        Ok(Self(file))
    }

    /// Send one document: its length in decimal, a newline, the document, a newline.
    pub(crate) fn send(&mut self, document: &impl Serialize) -> Result<()> {
        let document = serde_json::to_vec(document)?;
        let mut framed = format!("{}\n", document.len()).into_bytes();
        framed.extend_from_slice(&document);
        framed.push(b'\n');
        self.0.write_all(&framed).context("writing to /dev/ttyS1")?;
        tcdrain(&self.0).context("waiting for /dev/ttyS1")
    }

    /// Send the end, length 0, so that a guest cut short can be told from one that is done.
    pub(crate) fn close(mut self) -> Result<()> {
        self.0.write_all(b"0\n").context("writing to /dev/ttyS1")?;
        tcdrain(&self.0).context("waiting for /dev/ttyS1")
    }
}
