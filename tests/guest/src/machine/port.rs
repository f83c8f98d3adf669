//! The second serial port, which carries JSON documents, each preceded by its length.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write};

use anyhow::{Context, Result, ensure};
use rustix::termios::{OptionalActions, tcdrain, tcgetattr, tcsetattr};
use serde::{Serialize, de::DeserializeOwned};

/// The first serial port, with the kernel's console.
pub(crate) const CONSOLE: &str = if IS_ARM { "/dev/ttyAMA0" } else { "/dev/ttyS0" };
/// The second serial port. The ARM board has one built-in port, and the second one is on PCI.
const PORT: &str = if IS_ARM { "/dev/ttyS0" } else { "/dev/ttyS1" };
const IS_ARM: bool = cfg!(target_arch = "aarch64");

/// The port in raw mode, so that bytes pass unchanged.
pub(crate) struct Port(File);

impl Port {
    /// Open the port.
    pub(crate) fn open() -> Result<Self> {
        let file = OpenOptions::new().write(true).read(true).open(PORT);
        let file = file.with_context(|| format!("opening {PORT}"))?;
        let mut settings = tcgetattr(&file).with_context(|| format!("reading the settings of {PORT}"))?;
        settings.make_raw();
        tcsetattr(&file, OptionalActions::Now, &settings).with_context(|| format!("making {PORT} raw"))?;
        Ok(Self(file))
    }

    /// Send one document: its length in decimal, a newline, the document, a newline.
    pub(crate) fn send(&mut self, document: &impl Serialize) -> Result<()> {
        let document = serde_json::to_vec(document)?;
        let mut framed = format!("{}\n", document.len()).into_bytes();
        framed.extend_from_slice(&document);
        framed.push(b'\n');
        self.0.write_all(&framed).with_context(|| format!("writing to {PORT}"))?;
        tcdrain(&self.0).with_context(|| format!("waiting for {PORT}"))
    }

    /// Wait for one document, framed as [`Port::send`] does it, after any number of newlines.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut port = BufReader::new(&self.0);
        let mut length = String::new();
        while length.trim().is_empty() {
            length.clear();
            let read = port.read_line(&mut length).with_context(|| format!("reading from {PORT}"))?;
            ensure!(read > 0, "{PORT} was closed");
        }
        let length = length.trim().parse().with_context(|| format!("reading a length from {PORT}"))?;
        let mut document = vec![0; length];
        port.read_exact(&mut document).with_context(|| format!("reading from {PORT}"))?;
        serde_json::from_slice(&document).with_context(|| format!("parsing a document from {PORT}"))
    }

    /// Send the end mark, length 0. It distinguishes a guest that finished from one that was cut short.
    pub(crate) fn close(mut self) -> Result<()> {
        self.0.write_all(b"0\n").with_context(|| format!("writing to {PORT}"))?;
        tcdrain(&self.0).with_context(|| format!("waiting for {PORT}"))
    }
}
