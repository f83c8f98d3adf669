//! The answer as JSON and as text.

use std::io;

use anyhow::Result;
use serde::Serialize;

use super::super::shared::say::say;
use crate::{
    cli::TableFormat,
    client::Verdict,
    pipeline::PipelineError,
    sink::{json, terminal::sanitize},
};

/// The version of the JSON's shape. Keys are added, never renamed.
const SCHEMA: u32 = 1;

/// The answer (`docs/why.md`).
#[derive(Serialize)]
pub(super) struct Answer<'a, R: ?Sized> {
    schema: u32,
    /// How the process ended: by the kernel, or by a program for memory.
    verdict: Verdict,
    /// Incidents that have such a victim.
    incidents: u64,
    /// The number of the last incident, as in `list`; `None` if the running tracer answered.
    number: Option<u64>,
    /// The process id of its victim.
    pid: Option<i32>,
    /// The report of the last incident.
    report: &'a R,
    #[serde(skip)]
    shown: Shown,
}

/// The parts of the report that are in the text.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) time: Option<String>,
    pub(super) summary: String,
}

impl<'a, R: Serialize + ?Sized> Answer<'a, R> {
    pub(super) const fn new(
        verdict: Verdict,
        incidents: u64,
        number: Option<u64>,
        pid: Option<i32>,
        report: &'a R,
        shown: Shown,
    ) -> Self {
        Self { schema: SCHEMA, verdict, incidents, number, pid, report, shown }
    }
}

/// Prints the answer.
pub(super) fn tell(answer: &Answer<'_, impl Serialize + ?Sized>, format: TableFormat) -> Result<()> {
    let mut stdout = io::stdout();
    let printed = match format {
        TableFormat::Json => json::line(&mut stdout, answer),
        TableFormat::Text => text(&mut stdout, answer),
    };
    printed.map_err(PipelineError::Output)?;
    if answer.incidents > 1 {
        say(format_args!("{} incidents have such a victim; this is the last one", answer.incidents));
    }
    Ok(())
}

/// Prints one sentence, and the command that shows the rest.
fn text<R: ?Sized>(output: &mut impl io::Write, answer: &Answer<'_, R>) -> io::Result<()> {
    let by = match answer.verdict {
        Verdict::OomKill => "OOM kill",
        Verdict::UserspaceKill => "killed by user space for memory",
    };
    // The running tracer's answer is text of another process.
    let Shown { id, time, summary } = &answer.shown;
    let time = sanitize::sentence(time.as_deref().unwrap_or("at an unknown time"));
    let (id, summary) = (sanitize::sentence(id), sanitize::sentence(summary));
    writeln!(output, "yes, {by}, {time}: {summary}")?;
    match answer.number {
        Some(number) => writeln!(output, "incident {id}: oomtrace show {number}"),
        None => writeln!(output, "incident {id}; the whole report: --format json"),
    }
}
