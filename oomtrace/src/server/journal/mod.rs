//! `--journal`: writes an entry to systemd's journal for each report (`docs/journal.md`).

mod entry;

use std::{
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    sync::Arc,
};

use self::entry::entry;
use super::{Trouble, complaints::Complaints, feed::Inbox};

/// The socket on which journald receives entries.
/// <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>
const SOCKET: &str = "/run/systemd/journal/socket";

/// The journal is not available.
#[derive(Debug, thiserror::Error)]
#[error("--journal: cannot connect to {}: {error}; systemd-journald must be running and this user must be allowed to write to its socket", .path.display())]
pub struct NoJournal {
    path: PathBuf,
    error: io::Error,
}

/// A connection to journald.
pub struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Journal {
    /// Opens the journal of this machine.
    ///
    /// # Errors
    ///
    /// If no process receives entries.
    pub fn open() -> Result<Self, NoJournal> {
        Self::open_at(Path::new(SOCKET))
    }

    fn open_at(path: &Path) -> Result<Self, NoJournal> {
        let no_journal = |error| NoJournal { path: path.to_owned(), error };
        UnixDatagram::unbound().and_then(|probe| probe.connect(path)).map_err(no_journal)?;
        let socket = UnixDatagram::unbound().map_err(no_journal)?;
        socket.set_nonblocking(true).map_err(no_journal)?;
        Ok(Self { socket, path: path.to_owned() })
    }
}

/// Sends an entry for each report. If journald is slow, this waits for it, and only the queue of this consumer fills.
pub(super) async fn serve(journal: Journal, mut inbox: Inbox, complaints: Arc<Complaints>) {
    let socket = match tokio::net::UnixDatagram::from_std(journal.socket) {
        Ok(socket) => socket,
        Err(error) => return complaints.say(&Trouble::Journal(error)),
    };
    while let Some(message) = inbox.next(&complaints).await {
        // The path is used each time, because journald may have been restarted.
        if let Err(error) = socket.send_to(&entry(&message.facts), &journal.path).await {
            complaints.say(&Trouble::Journal(error));
        }
    }
}

#[cfg(test)]
mod tests;
