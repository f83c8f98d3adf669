//! The socket's file.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{
        fs::{DirBuilderExt as _, FileTypeExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::{fs::Mode, process::umask};

/// The reason why the socket could not be created.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another process listens on it.
    #[error("{option}: another process already listens on {}; use another path, or stop it", .path.display())]
    InUse {
        /// The option that needs the socket.
        option: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// The path is something else than a socket.
    #[error("{option}: {} exists and is not a socket; use another path", .path.display())]
    NotASocket {
        /// The option that needs the socket.
        option: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// Another error.
    #[error("{option}: cannot listen on {}: {error}", path.display())]
    Bind {
        /// The option that needs the socket.
        option: &'static str,
        /// The path.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

/// A bound socket that does not accept connections yet.
pub struct Socket {
    listener: UnixListener,
    file: File,
}

/// The file of a socket, which is removed with it.
pub(in crate::server) struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        // If it cannot be removed, the next tracer removes it, because no process listens on it.
        let _ = fs::remove_file(&self.0);
    }
}

impl Socket {
    /// Creates a socket that every process may connect to. A directory that does not exist is created. A socket that a killed
    /// tracer left is replaced.
    ///
    /// # Errors
    ///
    /// If another process listens on it, the path is something else, or the system refuses.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        Self::bind_for("--socket", path)
    }

    /// The same for another option, which errors name.
    pub(in crate::server) fn bind_for(option: &'static str, path: &Path) -> Result<Self, SocketError> {
        let failed = |error| SocketError::Bind { option, path: path.to_owned(), error };
        // Who may ask what is decided for each request.
        let _unmasked = Unmasked::new();
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            match DirBuilder::new().mode(0o755).create(parent) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
                _ => {}
            }
        }
        remove_stale(option, path)?;
        let listener = UnixListener::bind(path).map_err(failed)?;
        let file = File(path.to_owned());
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { listener, file })
    }

    pub(in crate::server) fn parts(self) -> (UnixListener, File) {
        (self.listener, self.file)
    }
}

/// Only one thread at a time changes the mask, so that each restores the right one.
static MASK: Mutex<()> = Mutex::new(());

/// While this exists, the process's mask (`umask`) takes no permission from a new file: every process may connect to a new socket.
/// A change of the permissions afterwards could follow a link that replaced the socket. The mask applies to all threads, so this is
/// for the start only.
struct Unmasked {
    before: Mode,
    _alone: MutexGuard<'static, ()>,
}

impl Unmasked {
    fn new() -> Self {
        let alone = MASK.lock().unwrap_or_else(PoisonError::into_inner);
        Self { before: umask(Mode::empty()), _alone: alone }
    }
}

impl Drop for Unmasked {
    fn drop(&mut self) {
        umask(self.before);
    }
}

/// Removes a socket that no process listens on.
fn remove_stale(option: &'static str, path: &Path) -> Result<(), SocketError> {
    let failed = |error| SocketError::Bind { option, path: path.to_owned(), error };
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed)?,
    };
    if !found.file_type().is_socket() {
        return Err(SocketError::NotASocket { option, path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Ok(_) => Err(SocketError::InUse { option, path: path.to_owned() }),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::{fs::PermissionsExt as _, net::UnixListener},
    };

    use super::{Socket, SocketError};

    #[test]
    fn replaces_a_stale_socket_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/socket");
        fs::create_dir(directory.path().join("run")).unwrap();
        // The file stays when the listener is closed, as after a kill.
        drop(UnixListener::bind(&path).unwrap());
        let first = Socket::bind(&path).unwrap();
        assert!(matches!(Socket::bind(&path), Err(SocketError::InUse { .. })));
        drop(first);
        assert!(!path.exists());
        fs::write(&path, "text").unwrap();
        assert!(matches!(Socket::bind(&path), Err(SocketError::NotASocket { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn creates_its_directory_and_every_process_may_connect() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/socket");
        let socket = Socket::bind(&path).unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(directory.path().join("run")), 0o755);
        assert_eq!(mode(path) & 0o666, 0o666);
        drop(socket);
        assert!(matches!(Socket::bind(&directory.path().join("a/b/c")), Err(SocketError::Bind { .. })));
    }
}
