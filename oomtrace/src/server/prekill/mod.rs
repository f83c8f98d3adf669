//! `--oomd-hook`: hears systemd-oomd before it kills (`docs/hooks.md`).
//!
//! systemd-oomd connects to every socket in a directory and calls a varlink method with the cgroup that it is about to kill. It kills
//! when it has the replies. The announcement is passed on at once. A thread of its own reads about the cgroup, because that may take
//! long while memory is short: the reply waits for it only for a moment.

mod connection;
mod varlink;

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::Builder,
    time::Duration,
};

use tokio::{
    net::UnixStream,
    sync::oneshot::{self, Receiver as Reading, Sender as Done},
    time::sleep,
};

use super::{Socket, SocketError, Trouble, complaints::Complaints, socket::Access};
use crate::{
    context::Prekill,
    kernel::{
        privilege::{NOTHING, keep_only},
        protect::be_io_flusher,
    },
    source::prekill::{Announcer, PrekillReader, Prekills},
};

/// The directory in which systemd-oomd looks for sockets.
/// <https://github.com/systemd/systemd/blob/v260/src/basic/constants.h> (`VARLINK_DIR_OOMD_PREKILL_HOOK`)
pub const HOOK_DIRECTORY: &str = "/run/systemd/oomd.prekill.hook";

/// The name of the socket. systemd-oomd accepts any.
const NAME: &str = "oomtrace";

/// The option that errors name.
const OPTION: &str = "--oomd-hook";

/// The user that systemd-oomd runs as.
const USER: &str = "systemd-oom";

/// The id of root.
const ROOT: u32 = 0;

/// Maximum number of connections at a time. systemd-oomd makes one for each kill.
const CONNECTIONS: usize = 8;

/// Maximum number of announced cgroups that wait to be read.
const UNREAD: usize = 8;

/// The pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_secs(1);

/// A bound socket that hears announcements.
pub struct OomdHook {
    socket: Socket,
    shared: Shared,
    reader: PrekillReader,
    unread: Receiver<Unread>,
}

/// An announcement that was passed on, its cgroup, and a sender for the end of the reading.
type Unread = (Prekill, OwnedFd, Done<()>);

/// What all connections share.
struct Shared {
    prekills: Arc<Prekills>,
    announcer: Announcer,
    to_reader: SyncSender<Unread>,
    /// The users that may announce a kill. Looked up at the start, because reading a file takes memory.
    users: Vec<u32>,
}

impl OomdHook {
    /// Creates the socket in this directory, and the directory if it does not exist. `cmdlines`: whether command lines may be read.
    ///
    /// # Errors
    ///
    /// If another process listens on the socket, or the system refuses.
    pub fn bind(directory: &Path, cmdlines: bool) -> Result<Self, SocketError> {
        Self::bind_for(announcers(), directory, cmdlines)
    }

    /// The same for these users. Only the last of them, and root, can connect.
    fn bind_for(users: Vec<u32>, directory: &Path, cmdlines: bool) -> Result<Self, SocketError> {
        let access = Access::User(users.last().copied().unwrap_or(ROOT));
        let socket = Socket::bind_for(OPTION, &directory.join(NAME), access)?;
        Self::on(socket, users, cmdlines).map_err(|error| SocketError::Bind {
            option: OPTION,
            path: directory.join(NAME),
            error,
        })
    }

    /// The hook on the socket that the service manager passed, if it passed one.
    ///
    /// # Errors
    ///
    /// If it passed something else, or no descriptors are left.
    pub fn passed(cmdlines: bool) -> Result<Option<Self>, SocketError> {
        let hook = |socket| Self::on(socket, announcers(), cmdlines).map_err(SocketError::Passed);
        Socket::passed()?.map(hook).transpose()
    }

    fn on(socket: Socket, users: Vec<u32>, cmdlines: bool) -> io::Result<Self> {
        let prekills = Arc::new(Prekills::new()?);
        let (to_reader, unread) = sync_channel(UNREAD);
        let shared = Shared { prekills, announcer: Announcer::open(), to_reader, users };
        Ok(Self { socket, shared, reader: PrekillReader::new(cmdlines), unread })
    }

    /// Where the tracing thread takes announcements from.
    #[must_use]
    pub fn prekills(&self) -> Arc<Prekills> {
        Arc::clone(&self.shared.prekills)
    }
}

impl Shared {
    /// Passes on an announcement, and then its cgroup to the thread that reads it. Returns a receiver that completes when it has been read.
    fn hear(
        &self,
        announced_ns: u64,
        cgroup: &str,
        pid: Option<i32>,
        complaints: &Complaints,
    ) -> Reading<()> {
        let (prekill, directory) = self.announcer.announced(announced_ns, cgroup, pid);
        let (done, reading) = oneshot::channel();
        let mut has_room = self.prekills.put(&prekill);
        if let Some(directory) = directory {
            has_room &= self.to_reader.try_send((prekill, directory, done)).is_ok();
        }
        if !has_room {
            complaints.say(&Trouble::Prekill);
        }
        // Without a cgroup or a place, it has already ended.
        reading
    }
}

/// Starts the thread that reads announced cgroups. It ends when nothing more can be announced.
///
/// # Errors
///
/// If no thread is left.
fn start_reading(
    mut reader: PrekillReader,
    unread: Receiver<Unread>,
    prekills: Arc<Prekills>,
    complaints: Arc<Complaints>,
) -> io::Result<()> {
    let run = move || {
        // If this fails, the tracing thread reports it.
        let _ = (be_io_flusher(), keep_only(NOTHING));
        for (mut prekill, directory, done) in unread {
            prekill.snapshot = reader.snapshot(directory);
            if prekill.snapshot.is_some() && !prekills.put(&prekill) {
                complaints.say(&Trouble::Prekill);
            }
            // This fails if the reply has already been sent.
            let _ = done.send(());
        }
    };
    Builder::new().name("oomtrace-prekill".to_owned()).spawn(run).map(drop)
}

/// Starts reading, and returns what answers connections until everything ends. The socket's file is removed then.
///
/// # Errors
///
/// If no thread is left.
pub(super) fn start(hook: OomdHook, complaints: Arc<Complaints>) -> io::Result<impl Future<Output = ()>> {
    let OomdHook { socket, shared, reader, unread } = hook;
    start_reading(reader, unread, Arc::clone(&shared.prekills), Arc::clone(&complaints))?;
    Ok(serve(socket, shared, complaints))
}

async fn serve(socket: Socket, shared: Shared, complaints: Arc<Complaints>) {
    let (listener, _file) = socket.parts();
    let accept = |error| Trouble::Accept { consumer: OPTION, error };
    let listener = match tokio::net::UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return complaints.say(&accept(error)),
    };
    let shared = Arc::new(shared);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(stream, &shared, &complaints),
            Err(error) => {
                complaints.say(&accept(error));
                sleep(PAUSE).await;
            }
        }
    }
}

/// Answers a connection if its process may announce kills and there is a place for it.
fn admit(stream: UnixStream, shared: &Arc<Shared>, complaints: &Arc<Complaints>) {
    let Ok(peer) = stream.peer_cred() else { return };
    // One reference is the caller's.
    let is_full = Arc::strong_count(shared) > CONNECTIONS;
    if !shared.users.contains(&peer.uid()) {
        // The reply fits into the socket's empty buffer.
        let _ = stream.try_write(&varlink::error("org.varlink.service.PermissionDenied", None));
    } else if !is_full {
        let (shared, complaints) = (Arc::clone(shared), Arc::clone(complaints));
        tokio::spawn(async move {
            let hear = |ns, cgroup: &str| shared.hear(ns, cgroup, peer.pid(), &complaints);
            // If a client hangs, sends too much or disconnects, only its connection ends.
            let _ = connection::converse(stream, hear).await;
        });
    }
}

/// The users that may announce a kill: root, and systemd-oomd's if it exists.
fn announcers() -> Vec<u32> {
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    [Some(ROOT), user_id(&passwd, USER)].into_iter().flatten().collect()
}

/// The id of a user in the text of `/etc/passwd`.
fn user_id(passwd: &[u8], name: &str) -> Option<u32> {
    passwd.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let is_it = fields.next() == Some(name.as_bytes());
        let id = fields.nth(1).filter(|_| is_it)?;
        std::str::from_utf8(id).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests;
