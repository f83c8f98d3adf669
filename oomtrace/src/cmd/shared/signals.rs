//! SIGINT and SIGTERM as a descriptor that becomes readable.

use std::{io, os::fd::OwnedFd};

use anyhow::{Context as _, Result};
use rustix::pipe::{PipeFlags, pipe_with};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Becomes readable when the stream should end.
pub(in crate::cmd) struct Stop {
    /// The end to wait on.
    pub(in crate::cmd) readable: OwnedFd,
    /// The end that a signal, or this process itself, writes to.
    pub(in crate::cmd) writable: OwnedFd,
}

impl Stop {
    /// Catches both signals from now on.
    ///
    /// # Errors
    ///
    /// If no descriptor is left, or the signals cannot be caught.
    pub(in crate::cmd) fn on_signals() -> Result<Self> {
        let (readable, writable) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(io::Error::from)
            .context("making a pipe for signals")?;
        for signal in [SIGINT, SIGTERM] {
            let end = writable.try_clone().context("making a pipe for signals")?;
            signal_hook::low_level::pipe::register(signal, end).context("catching SIGINT and SIGTERM")?;
        }
        Ok(Self { readable, writable })
    }
}
