//! `oomtrace why`: says whether memory killed a process, from recordings.

use std::io;

use anyhow::Result;
use serde::Serialize;

use super::shared::{
    confine,
    history::{self, History, NotHeld},
    say::say,
};
use crate::{
    cli::{Only, TableFormat, Why},
    exit::Exit,
    explain::{Code, Outcome},
    pipeline::PipelineError,
    report::{Report, Target},
    sink::json,
};

/// The version of the JSON's shape. Keys are added, never renamed.
const SCHEMA: u32 = 1;

/// The answer (`docs/why.md`).
#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    /// How the process ended: "oom_kill" by the kernel, or "userspace_kill" for memory.
    verdict: &'static str,
    /// Incidents that have such a victim.
    incidents: u64,
    /// The number of the last incident, as in `list`.
    number: u64,
    /// The process id of its victim.
    pid: Option<i32>,
    /// The report of the last incident.
    report: &'a Report,
}

pub(super) fn run(options: &Why) -> Result<Exit> {
    let target = Target::of(options.target.as_encoded_bytes());
    confine::to_reading(&history::read_from(&options.paths), None);
    let mut history = History::open(&options.paths, None, options.when, &Only::default())?;
    let mut found = 0;
    let mut last = None;
    for (number, report) in history.by_ref().filter(|(_, report)| is_kill(report, &target)) {
        found += 1;
        last = Some((number, report));
    }
    let exit = history.exit();
    match last {
        Some((number, report)) => {
            tell(&target, found, number, &report, options.format)?;
            Ok(exit)
        }
        None if exit != Exit::Success => Ok(exit),
        None => Err(NotHeld::Fitting { count: history.seen() }.into()),
    }
}

/// Whether the process was killed. A dying process that the kernel only marked was not.
fn is_kill(report: &Report, target: &Target) -> bool {
    report.selection.outcome != Some(Outcome::MarkedOnly) && target.victim(report).is_some()
}

fn tell(target: &Target, found: u64, number: u64, report: &Report, format: TableFormat) -> Result<()> {
    let by_kernel = report.cause.code != Code::Userspace;
    let answer = Answer {
        schema: SCHEMA,
        verdict: if by_kernel { "oom_kill" } else { "userspace_kill" },
        incidents: found,
        number,
        pid: target.victim(report).and_then(|victim| victim.process.pid),
        report,
    };
    let mut stdout = io::stdout();
    let told = match format {
        TableFormat::Json => json::line(&mut stdout, &answer),
        TableFormat::Text => text(&mut stdout, &answer),
    };
    told.map_err(PipelineError::Output)?;
    if found > 1 {
        say(format_args!("{found} incidents have such a victim; this is the last one"));
    }
    Ok(())
}

/// Prints one sentence, and the command that shows the rest.
fn text(output: &mut impl io::Write, answer: &Answer<'_>) -> io::Result<()> {
    let by = if answer.verdict == "oom_kill" { "OOM kill" } else { "killed by user space for memory" };
    let time = answer.report.time.as_deref().unwrap_or("at an unknown time");
    let summary = crate::sink::terminal::sanitize::sentence(&answer.report.cause.summary);
    writeln!(output, "yes, {by}, {time}: {summary}")?;
    writeln!(output, "incident {}: oomtrace show {}", answer.report.id, answer.number)
}
