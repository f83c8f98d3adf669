//! The socket's file.

use std::{
    fs::{self, DirBuilder},
    io,
    os::fd::BorrowedFd,
    os::unix::{
        fs::{DirBuilderExt as _, FileTypeExt as _, lchown},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::{
    fs::Mode,
    net::sockopt::socket_acceptconn,
    process::{geteuid, umask},
};

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
    /// The service manager passed something else than a listening local socket.
    #[error("cannot use the socket that the service manager passed ({VARIABLE}): {0}")]
    Passed(io::Error),
}

/// Who may connect to a new socket.
#[derive(Clone, Copy)]
pub(in crate::server) enum Access {
    /// Every process. Who may ask what is decided for each request.
    Everyone,
    /// This user, and root.
    User(u32),
}

/// The variable in which a service manager counts the sockets that it passes.
/// <https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html>
const VARIABLE: &str = "LISTEN_FDS";

/// A bound socket that does not accept connections yet.
pub struct Socket {
    listener: UnixListener,
    /// `None` if the service manager owns the file.
    file: Option<File>,
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
        Self::bind_for("--socket", path, Access::Everyone)
    }

    /// The same for another option, which errors name.
    pub(in crate::server) fn bind_for(
        option: &'static str,
        path: &Path,
        access: Access,
    ) -> Result<Self, SocketError> {
        let failed = |error| SocketError::Bind { option, path: path.to_owned(), error };
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let _mask = Mask::new(Mode::empty());
            match DirBuilder::new().mode(0o755).create(parent) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
                _ => {}
            }
        }
        remove_stale(option, path)?;
        let listener = bind(path, access).map_err(failed)?;
        let file = File(path.to_owned());
        if let Access::User(user) = access
            && user != geteuid().as_raw()
        {
            lchown(path, Some(user), None).map_err(failed)?;
        }
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { listener, file: Some(file) })
    }

    /// The socket that a service manager created and passed to this process, if there is one. Programs that this process starts do
    /// not inherit it.
    ///
    /// # Errors
    ///
    /// If it is something else than one listening local socket.
    pub(in crate::server) fn passed() -> Result<Option<Self>, SocketError> {
        let mut passed = sd_notify::listen_fds().map_err(SocketError::Passed)?;
        let Some(first) = passed.next() else { return Ok(None) };
        if passed.next().is_some() {
            return Err(SocketError::Passed(io::Error::other("it is more than one")));
        }
        // SAFETY: the descriptor is open, because `listen_fds` has just changed its flags, and nothing closes it meanwhile.
        let given = unsafe { BorrowedFd::borrow_raw(first) };
        let listener = listening(given).map_err(SocketError::Passed)?;
        Ok(Some(Self { listener, file: None }))
    }

    pub(in crate::server) fn parts(self) -> (UnixListener, Option<File>) {
        (self.listener, self.file)
    }
}

/// A listening local socket, as a descriptor of its own.
fn listening(given: BorrowedFd<'_>) -> io::Result<UnixListener> {
    if !socket_acceptconn(given)? {
        return Err(io::Error::other("it does not listen"));
    }
    let listener = UnixListener::from(given.try_clone_to_owned()?);
    // This fails unless it is a local socket.
    listener.local_addr()?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Binds the socket with the permissions of `access`.
fn bind(path: &Path, access: Access) -> io::Result<UnixListener> {
    let _mask = Mask::new(match access {
        Access::Everyone => Mode::empty(),
        Access::User(_) => Mode::RWXG | Mode::RWXO,
    });
    UnixListener::bind(path)
}

/// Only one thread at a time changes the mask, so that each restores the right one.
static ALONE: Mutex<()> = Mutex::new(());

/// While this exists, the process's mask (`umask`) takes these permissions from new files and no others. A change of the permissions
/// afterwards could follow a link that replaced the socket. The mask applies to all threads, so this is for the start only.
struct Mask {
    before: Mode,
    _alone: MutexGuard<'static, ()>,
}

impl Mask {
    fn new(taken: Mode) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { before: umask(taken), _alone: alone }
    }
}

impl Drop for Mask {
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
        os::fd::AsFd as _,
        os::unix::{
            fs::{MetadataExt as _, PermissionsExt as _},
            net::UnixListener,
        },
    };

    use super::{Access, Socket, SocketError, listening};

    #[test]
    fn only_a_listening_local_socket_can_be_passed() {
        let directory = tempfile::tempdir().unwrap();
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let file = fs::File::create(directory.path().join("file")).unwrap();
        let inet = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = UnixListener::bind(directory.path().join("socket")).unwrap();
        assert!(listening(socket.as_fd()).is_err() && listening(file.as_fd()).is_err());
        assert!(listening(inet.as_fd()).is_err());
        assert!(listening(local.as_fd()).is_ok());
    }

    #[test]
    fn only_its_user_may_connect() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/socket");
        // Only root can give a socket to another user.
        let own = rustix::process::geteuid().as_raw();
        let user = if own == 0 { 65534 } else { own };
        let _socket = Socket::bind_for("--oomd-hook", &path, Access::User(user)).unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(directory.path().join("run")), mode(path.clone())), (0o755, 0o700));
        assert_eq!(fs::metadata(path).unwrap().uid(), user);
    }

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
