//! SIGHUP as a request to read the settings again.

use std::{
    fs, io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context as _, Result};
use rustix::pipe::{PipeFlags, pipe_with};
use signal_hook::{consts::SIGHUP, flag, low_level::pipe};

/// The bit of SIGHUP in a set of signals in procfs.
const BIT: u64 = 1 << (SIGHUP - 1);

/// The position of the controlling terminal in `/proc/self/stat`, counted from the state of the process.
/// <https://docs.kernel.org/filesystems/proc.html> (`tty_nr`)
const TERMINAL: usize = 4;

/// Requests that arrived, and a pipe that wakes the tracing thread.
pub(super) struct Signal {
    arrived: Arc<AtomicBool>,
    readable: OwnedFd,
    writable: OwnedFd,
}

impl Signal {
    /// Catches SIGHUP from now on. `None` if the signal keeps its meaning: it ends a process with a controlling terminal, and `nohup`
    /// ignores it.
    ///
    /// # Errors
    ///
    /// If no descriptor is left, or the signal cannot be caught.
    pub(super) fn catch() -> Result<Option<Self>> {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        if is_ignored(&read("/proc/self/status")) || has_terminal(&read("/proc/self/stat")) {
            return Ok(None);
        }
        let (readable, writable) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(io::Error::from)
            .context("making a pipe for SIGHUP")?;
        let arrived = Arc::new(AtomicBool::new(false));
        let end = writable.try_clone().context("making a pipe for SIGHUP")?;
        // In this order: the thread that wakes up finds the request.
        flag::register(SIGHUP, Arc::clone(&arrived))
            .and_then(|_| pipe::register(SIGHUP, end))
            .context("catching SIGHUP")?;
        Ok(Some(Self { arrived, readable, writable }))
    }

    /// Is true when a request has arrived.
    pub(super) fn arrived(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.arrived)
    }

    /// Becomes readable when a request arrives.
    pub(super) fn wake(&self) -> BorrowedFd<'_> {
        self.readable.as_fd()
    }

    /// Writing to this end wakes the tracing thread.
    pub(super) fn waker(&self) -> io::Result<OwnedFd> {
        self.writable.try_clone()
    }
}

/// Whether the process ignores SIGHUP, from `/proc/self/status`. A process that cannot tell leaves the signal as it is.
fn is_ignored(status: &str) -> bool {
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_none_or(|set| set & BIT != 0)
}

/// Whether the process has a controlling terminal, from `/proc/self/stat`. A process that cannot tell leaves the signal as it is.
fn has_terminal(stat: &str) -> bool {
    // The name of the program comes before the state. It may contain parentheses and spaces.
    let state = stat.rsplit_once(") ").map(|(_, state)| state);
    state.and_then(|state| state.split(' ').nth(TERMINAL)).is_none_or(|number| number != "0")
}

#[cfg(test)]
mod tests {
    use super::{has_terminal, is_ignored};

    #[test]
    fn recognizes_nohup() {
        assert!(is_ignored("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n"));
        assert!(!is_ignored("SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n"));
        assert!(is_ignored("") && is_ignored("SigIgn:\tx\n"));
    }

    #[test]
    fn recognizes_a_controlling_terminal() {
        assert!(has_terminal("17 (oomtrace) S 16 17 16 34816 17 4194560 1\n"));
        assert!(!has_terminal("17 (o) R 1 2 3 4) S 16 17 16 0 -1 4194560 1\n"));
        assert!(has_terminal("") && has_terminal("17 (oomtrace) S 16\n"));
    }
}
