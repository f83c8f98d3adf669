//! Problems of consumers that the user should see.

use std::{io, time::Duration};

/// A problem that the user should see.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A queue was full.
    #[error("{consumer}: too slow, {count} {} dropped so far", if *.count == 1 { "report was" } else { "reports were" })]
    Dropped {
        /// The option that requested the consumer.
        consumer: &'static str,
        /// Reports that it did not get since the start.
        count: u64,
    },
    /// More problems of the same kind within a minute.
    #[error("{consumer}: {count} more such messages were left out")]
    LeftOut {
        /// The option that requested the consumer.
        consumer: &'static str,
        /// The number of messages left out.
        count: u64,
    },
    /// The consumers needed too much time at the end.
    #[error("the last reports were still not delivered when oomtrace ended: a consumer took too long")]
    Unfinished,
    /// A connection could not be accepted.
    #[error("{consumer}: cannot accept a connection: {error}")]
    Accept {
        /// The option that requested the consumer.
        consumer: &'static str,
        /// The reason.
        error: io::Error,
    },
    /// The tracing thread had no room for an announcement of systemd-oomd.
    #[error("--oomd-hook: an announcement was lost because too many earlier ones still waited")]
    Prekill,
    /// A client of the socket read too slowly.
    #[error("--socket: a client{} is too slow and has lost {count} {} so far", process(*.pid), if *.count == 1 { "report" } else { "reports" })]
    SlowClient {
        /// Its process id, if it is known.
        pid: Option<i32>,
        /// Reports that it did not get since it subscribed.
        count: u64,
    },
    /// A command failed.
    #[error("--exec: {program}: {error}")]
    Hook {
        /// The program.
        program: String,
        /// The reason.
        error: HookError,
    },
    /// An entry could not be written.
    #[error("--journal: cannot write an entry: {0}")]
    Journal(io::Error),
}

impl Trouble {
    /// The consumer and the kind of problem. Problems of the same kind share the limit of one message per minute.
    pub(super) const fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Dropped { consumer, .. } => (consumer, "dropped"),
            Self::LeftOut { consumer, .. } => (consumer, "left out"),
            Self::Unfinished => ("", "unfinished"),
            Self::Hook { .. } => ("--exec", "hook"),
            Self::Journal(_) => ("--journal", "write"),
            Self::Accept { consumer, .. } => (consumer, "accept"),
            Self::Prekill => ("--oomd-hook", "lost"),
            Self::SlowClient { .. } => ("--socket", "slow"),
        }
    }
}

fn process(pid: Option<i32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The system could not start it.
    #[error("it could not be started: {0}")]
    Start(io::Error),
    /// It exceeded its time limit.
    #[error("it did not end within {} and was killed", humantime::format_duration(*.0))]
    Time(Duration),
    /// It reported an error itself.
    #[error("{status}{}{said}", if .said.is_empty() { "" } else { ": " })]
    Status {
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The first line of its standard error.
        said: String,
    },
    /// Waiting for its end failed.
    #[error("waiting for it failed: {0}")]
    Wait(io::Error),
}

/// Receives problems to report.
pub type Tell = Box<dyn Fn(&Trouble) + Send + Sync>;
