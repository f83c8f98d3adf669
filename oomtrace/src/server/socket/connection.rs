//! One connection: a request, and a reply or a stream of reports.

use std::{io, sync::Arc, time::Duration};

use serde_json::value::RawValue;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use super::{Shared, Trouble, answer, asker::Asker};
use crate::{
    client::{LONGEST_REQUEST, Lost, Reply, Request, SCHEMA, Status},
    report::Target,
};

/// The time that a client has to send its request, and to read an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time in which a kill may become known here. A client may ask as soon as the process is dead.
const NEWS: Duration = Duration::from_millis(250);

/// The time in which the report of a known decision usually comes. The assembler waits up to 5 s after the last event for the exits of
/// the victims (`KILL_TIMEOUT_NS`), and up to 6 s for names (`NAMES_NS`). A pass may take longer. A client waits 10 s for a reply.
const REPORT: Duration = Duration::from_secs(8);

/// Reads the request and answers it.
pub(super) async fn converse(stream: UnixStream, asker: Asker, shared: &Arc<Shared>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let line = timeout(PATIENCE, request(&mut read)).await??;
    let reply = match serde_json::from_slice(&line) {
        Ok(Request::Events {}) => return subscribe(read, write, asker, Arc::clone(shared)).await,
        Ok(Request::Why { target }) => why(&asker, &Target::of(target.as_bytes()), shared).await,
        Err(error) => Reply::plain(Status::Invalid, Some(invalid(&line, &error))),
    };
    timeout(PATIENCE, write.write_all(&line_of(&reply)?)).await?
}

/// Answers at once if a report is known. Otherwise waits for the report of an open incident, and for news of a kill that has just
/// happened. A reply that does not have the report of an open incident is not complete.
async fn why(asker: &Asker, target: &Target, shared: &Shared) -> Reply {
    let start = Instant::now();
    let mut news = shared.news.subscribe();
    loop {
        let over = news.borrow_and_update().over;
        let (mut reply, is_open) = {
            let reports = shared.reports();
            (answer::why(asker, target, &reports), answer::is_open(target, &reports))
        };
        let until = start + if is_open { REPORT } else { NEWS };
        if reply.status == Status::Found || over || Instant::now() >= until {
            reply.complete &= !is_open;
            return reply;
        }
        // At the deadline the answer is final.
        let _ = timeout_at(until, news.changed()).await;
    }
}

/// Replies that no place is free. The reply fits into the socket's empty buffer.
pub(super) fn refuse(stream: &UnixStream) {
    let message = "too many clients are connected; try again later".to_owned();
    if let Ok(line) = line_of(&Reply::plain(Status::Busy, Some(message))) {
        // The client may have disconnected.
        let _ = stream.try_write(&line);
    }
}

/// The first line of a connection, or as much of it as is accepted.
async fn request(read: &mut BufReader<OwnedReadHalf>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let most = u64::try_from(LONGEST_REQUEST).unwrap_or(u64::MAX);
    read.take(most).read_until(b'\n', &mut line).await?;
    Ok(line)
}

fn invalid(line: &[u8], error: &serde_json::Error) -> String {
    if line.ends_with(b"\n") || line.len() < LONGEST_REQUEST {
        format!("not a request: {error}; docs/socket.md describes them")
    } else {
        format!("not a request: it is longer than {LONGEST_REQUEST} bytes")
    }
}

fn line_of(message: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Sends reports until the client disconnects or the stream ends.
async fn subscribe(
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    asker: Asker,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let mut either = JoinSet::new();
    either.spawn(disconnected(read));
    either.spawn(stream(write, asker, shared));
    // The first to end aborts the other.
    either.join_next().await.transpose()?.unwrap_or(Ok(()))
}

/// Returns when the client closes the connection, or sends anything more.
async fn disconnected(mut read: BufReader<OwnedReadHalf>) -> io::Result<()> {
    read.read_u8().await.map(drop)
}

async fn stream(mut write: OwnedWriteHalf, asker: Asker, shared: Arc<Shared>) -> io::Result<()> {
    let mut news = shared.news.subscribe();
    let mut number = news.borrow_and_update().end;
    let mut lost = Losses::default();
    write.write_all(&line_of(&Reply::plain(Status::Subscribed, None))?).await?;
    loop {
        let over = news.borrow_and_update().over;
        loop {
            // The lock is not held while the client is awaited.
            let next = shared.reports().next(&mut number);
            let Some(next) = next else { break };
            if let Some(line) = lost.add(next.lost)? {
                shared.complaints.say(&Trouble::SlowClient { pid: asker.pid, count: lost.0 });
                write.write_all(&line).await?;
            }
            if let Some(report) = answer::shown(&asker, &next.report) {
                write.write_all(&terminated(&report)).await?;
            }
        }
        // The sender lives as long as this task.
        if over || news.changed().await.is_err() {
            return Ok(());
        }
    }
}

fn terminated(report: &RawValue) -> Vec<u8> {
    let mut line = report.get().as_bytes().to_vec();
    line.push(b'\n');
    line
}

/// The number of reports that a client lost.
#[derive(Default)]
struct Losses(u64);

impl Losses {
    /// Counts them, and returns the line that says so.
    fn add(&mut self, lost: u64) -> io::Result<Option<Vec<u8>>> {
        self.0 += lost;
        (lost > 0).then(|| line_of(&Lost { schema: SCHEMA, lost_reports: lost })).transpose()
    }
}
