//! A client of a running tracer (`watch --socket` and `record --socket`). A process may ask about itself and about other
//! processes of its user; root may ask about all (`docs/socket.md`).
//!
//! ```no_run
//! use oomtrace::client::{Client, Status};
//!
//! let reply = Client::usual().why(b"nginx.service")?;
//! if reply.status == Status::Found {
//!     println!("killed for memory: {:?}", reply.report);
//! }
//! # Ok::<(), oomtrace::client::ClientError>(())
//! ```

mod protocol;

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::value::RawValue;

pub use self::protocol::{LONGEST_REQUEST, Lost, Reply, Request, SCHEMA, Status, USUAL_SOCKET, Verdict};

/// The time that a tracer has for a reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// The maximum size of a reply in bytes. A report of ten thousand candidates has a few MiB.
const LONGEST_REPLY: u64 = 64 << 20;

/// The reason why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No tracer listens on the socket.
    #[error("cannot connect to {}: {error}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The connection failed.
    #[error("the connection to the running oomtrace failed: {0}")]
    Io(#[from] io::Error),
    /// The tracer closed the connection without a reply.
    #[error("the running oomtrace closed the connection without a reply")]
    NoReply,
    /// A message has another form.
    #[error("the running oomtrace sent a message that this version does not know: {0}")]
    Message(#[from] serde_json::Error),
    /// The tracer refused the request.
    #[error("{0}")]
    Refused(String),
}

/// Asks the tracer that listens on one socket. Each question is a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
}

impl Client {
    /// A client of the tracer with this socket.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// A client of the flight recorder of this machine, at [`USUAL_SOCKET`].
    #[must_use]
    pub fn usual() -> Self {
        Self::new(USUAL_SOCKET)
    }

    /// The socket.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks whether memory killed a process, a cgroup, a unit, a container or a pod, and why. The target has the form that
    /// `oomtrace why` accepts. A refusal is a reply, not an error.
    ///
    /// # Errors
    ///
    /// If no tracer listens, it does not reply within 10 seconds, or the reply has another form.
    pub fn why(&self, target: &[u8]) -> Result<Reply, ClientError> {
        let mut stream = self.ask(&Request::Why { target: target.to_vec().into() })?;
        reply(&mut stream)
    }

    /// Subscribes to the reports of all incidents that are closed from now on and that this process may see.
    ///
    /// # Errors
    ///
    /// If no tracer listens, or it refuses.
    pub fn events(&self) -> Result<Events, ClientError> {
        let mut stream = self.ask(&Request::Events {})?;
        let reply = reply(&mut stream)?;
        if reply.status != Status::Subscribed {
            return Err(ClientError::Refused(reply.message.unwrap_or_default()));
        }
        stream.get_ref().set_read_timeout(None)?;
        Ok(Events { stream })
    }

    fn ask(&self, request: &Request) -> Result<BufReader<UnixStream>, ClientError> {
        let mut stream = UnixStream::connect(&self.path)
            .map_err(|error| ClientError::Connect { path: self.path.clone(), error })?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        // A tracer that is busy replies before it reads, and closes the connection. The reply is then still there.
        let sent = stream.write_all(&line);
        if sent.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe) {
            sent?;
        }
        Ok(BufReader::new(stream))
    }
}

fn reply(stream: &mut BufReader<UnixStream>) -> Result<Reply, ClientError> {
    let line = line(stream)?.ok_or(ClientError::NoReply)?;
    Ok(serde_json::from_slice(&line)?)
}

/// The next complete line; `None` at the end.
fn line(stream: &mut BufReader<UnixStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    stream.take(LONGEST_REPLY).read_until(b'\n', &mut line)?;
    Ok((line.pop() == Some(b'\n')).then_some(line))
}

/// A message of a subscription.
#[derive(Clone, Debug)]
pub enum Event {
    /// A report (`docs/json.md`), exactly as the tracer wrote it.
    Report(Box<RawValue>),
    /// This many reports were not delivered, because this client or the tracer's queue was too slow. For a process without
    /// privileges, reports of others may be among them.
    Lost(u64),
}

/// The reports of a subscription, until the tracer ends.
#[derive(Debug)]
pub struct Events {
    stream: BufReader<UnixStream>,
}

impl Iterator for Events {
    type Item = Result<Event, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = line(&mut self.stream).transpose()?;
        Some(line.map_err(ClientError::from).and_then(|line| event(&line)))
    }
}

fn event(line: &[u8]) -> Result<Event, ClientError> {
    if let Ok(lost) = serde_json::from_slice::<Lost>(line) {
        return Ok(Event::Lost(lost.lost_reports));
    }
    Ok(Event::Report(serde_json::from_slice(line)?))
}
