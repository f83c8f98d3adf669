//! `--socket`: answers questions about kills, and streams reports, over a local socket (`docs/socket.md`).

mod answer;
mod asker;
mod connection;
mod kept;
mod listen;
mod places;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::UnixStream, sync::watch, time::sleep, time::timeout};

pub(super) use self::listen::Access;
pub use self::listen::{Socket, SocketError};
use self::{asker::Asker, kept::Reports, places::Places};
use super::{
    Trouble,
    complaints::Complaints,
    feed::{Dropped, Inbox},
};
use crate::source::cgroup::cgroupfs::MemoryHierarchy;

/// The pause after a connection could not be accepted, for example because no descriptors were left.
const PAUSE: Duration = Duration::from_secs(1);

/// The time that subscribers have to read the last reports after the stream has ended.
const LAST_REPORTS: Duration = Duration::from_secs(1);

/// The state that all connections share.
pub(super) struct Shared {
    reports: Mutex<Reports>,
    news: watch::Sender<News>,
    places: Arc<Places>,
    hierarchy: Option<MemoryHierarchy>,
    complaints: Arc<Complaints>,
}

/// What subscribers wait for.
#[derive(Clone, Copy)]
struct News {
    /// The number of the next report.
    end: u64,
    /// Whether the stream has ended.
    over: bool,
}

impl Shared {
    pub(super) fn new(complaints: Arc<Complaints>) -> Arc<Self> {
        let (news, _) = watch::channel(News { end: 0, over: false });
        Arc::new(Self {
            reports: Mutex::default(),
            news,
            places: Arc::default(),
            hierarchy: MemoryHierarchy::find(),
            complaints,
        })
    }

    /// Only the threads' own code holds the lock, and never while it waits.
    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the last reports, and the decisions of open incidents. Returns when the stream has ended and the subscribers have read the rest, or had their time.
pub(super) async fn keep(shared: Arc<Shared>, inbox: Inbox, dropped: Dropped) {
    inbox
        .each(&shared.complaints, |message| {
            let end = {
                let mut reports = shared.reports();
                if message.is_open {
                    reports.open(message.facts);
                } else {
                    reports.push(message.facts, message.json, dropped.count());
                }
                reports.end()
            };
            shared.news.send_replace(News { end, over: false });
        })
        .await;
    shared.news.send_modify(|news| news.over = true);
    // A client that does not read must not delay the end.
    let _ = timeout(LAST_REPORTS, shared.places.all_free()).await;
}

/// Answers connections until everything ends. The socket's file is removed then.
pub(super) async fn serve(socket: Socket, shared: Arc<Shared>) {
    let (listener, _file) = socket.parts();
    let listener = match tokio::net::UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return shared.complaints.say(&Trouble::Accept { consumer: "--socket", error }),
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(stream, &shared),
            Err(error) => {
                shared.complaints.say(&Trouble::Accept { consumer: "--socket", error });
                sleep(PAUSE).await;
            }
        }
    }
}

/// Answers a connection, if there is a place for it.
fn admit(stream: UnixStream, shared: &Arc<Shared>) {
    let Some(asker) = Asker::of(&stream, shared.hierarchy.as_ref()) else { return };
    let Some(place) = shared.places.take(asker.uid(), asker.sees_all) else {
        return connection::refuse(&stream);
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        // If a client hangs, sends too much or disconnects, only its connection ends.
        let _ = connection::converse(stream, asker, &shared).await;
        drop(place);
    });
}

#[cfg(test)]
mod tests;
