//! Asks the running tracer.

use std::io;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::{
    super::shared::say::say,
    answer::{Answer, Shown, tell},
};
use crate::{
    cli::Why,
    client::{Client, ClientError, Reply, Status},
    exit::Exit,
};

/// The tracer has all reports since its start.
const NONE: &str = "the running tracer knows no OOM kill of it; earlier kills are in recordings only";

/// The tracer has removed reports, or a report is not finished.
const NONE_OF_SOME: &str = "unknown: the running tracer does not have all reports, and those that it has contain no OOM kill of it; recordings may contain one: sudo oomtrace why TARGET /var/lib/oomtrace";

/// The running tracer refused to answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::cmd) struct Denied(String);

/// The tracer of `--socket` gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer from a running tracer; start one with `oomtrace record --socket PATH`")]
pub(in crate::cmd) struct CannotAsk(#[source] ClientError);

/// The parts of a report that the text has.
#[derive(Deserialize)]
struct Part {
    id: String,
    time: Option<String>,
    cause: Cause,
}

#[derive(Deserialize)]
struct Cause {
    summary: String,
}

/// Asks the running tracer, and prints its answer. `None` if recordings must be read instead.
///
/// # Errors
///
/// If it refuses, or the tracer of `--socket` does not answer.
pub(super) fn ask(options: &Why) -> Result<Option<Exit>> {
    let target = options.target.as_encoded_bytes();
    let reply = match &options.socket {
        Some(path) => Client::new(path).why(target).map_err(CannotAsk)?,
        None if is_about_recordings(options) => return Ok(None),
        None => match Client::usual().why(target) {
            Ok(reply) => reply,
            Err(error) => {
                explain(&error);
                return Ok(None);
            }
        },
    };
    match (reply.status, options.socket.is_some()) {
        (Status::Found, _) => found(&reply, options).map(Some),
        (Status::Refused, _) => Err(Denied(reply.message.unwrap_or_default()).into()),
        // The tracer knows nothing about the time before its start.
        (Status::None, false) if can_read_recordings() => Ok(None),
        (Status::None, _) => {
            say(if reply.complete { NONE } else { NONE_OF_SOME });
            Ok(Some(Exit::Unanswered))
        }
        (Status::Busy, false) if can_read_recordings() => {
            let message = reply.message.unwrap_or_default();
            say(format_args!("the running tracer does not answer: {message}; reading recordings instead"));
            Ok(None)
        }
        (Status::Invalid | Status::Busy | Status::Subscribed, _) => {
            anyhow::bail!("the running tracer does not answer: {}", reply.message.unwrap_or_default())
        }
    }
}

/// Whether the question can only be answered from recordings.
const fn is_about_recordings(options: &Why) -> bool {
    !options.paths.is_empty() || options.when.since.is_some() || options.when.until.is_some()
}

/// Reports why the usual socket gave no answer. If no tracer has one, that is not an error.
fn explain(error: &ClientError) {
    let is_absent = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
    };
    if !matches!(error, ClientError::Connect { error, .. } if is_absent(error)) {
        say(format_args!("{error}; reading recordings instead"));
    }
}

fn can_read_recordings() -> bool {
    let usual = super::super::shared::history::read_from(&[]);
    usual.first().is_some_and(|directory| std::fs::read_dir(directory).is_ok())
}

fn found(reply: &Reply, options: &Why) -> Result<Exit> {
    let no_report = "the running tracer sent no report";
    let report = reply.report.as_deref().context(no_report)?;
    let part: Part = serde_json::from_str(report.get()).context(no_report)?;
    let shown = Shown { id: part.id, time: part.time, summary: part.cause.summary };
    let verdict = reply.verdict.context(no_report)?;
    tell(&Answer::new(verdict, reply.incidents, None, reply.pid, report, shown), options.format)?;
    Ok(Exit::Success)
}
