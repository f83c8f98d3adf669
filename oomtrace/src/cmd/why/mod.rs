//! `oomtrace why`: says whether memory killed a process. It asks the running tracer, or reads recordings.

mod answer;
mod running;
mod sender;
mod unit;

use anyhow::Result;

pub(super) use self::running::{CannotAsk, Denied};
use self::{
    answer::{Answer, Shown, tell},
    running::ask,
    sender::Noted,
};
use super::shared::{
    confine,
    history::{self, History, NotHeld},
    say::say,
};
use crate::{
    cli::Why,
    client::Verdict,
    exit::Exit,
    explain::Code,
    report::{Report, Target},
};

pub(super) fn run(options: &Why) -> Result<Exit> {
    // Ask now, because this process gives up its access to other programs below.
    let ended = unit::ended(&options.target);
    let exit = match ask(options)? {
        Some(exit) => exit,
        None => read(options)?,
    };
    if let Some(ended) = ended.filter(|_| exit == Exit::Unanswered) {
        unit::tell(&ended, options.format)?;
    }
    Ok(exit)
}

/// Answers from recordings.
fn read(options: &Why) -> Result<Exit> {
    let target = Target::of(options.target.as_encoded_bytes());
    confine::to_reading(&history::read_from(&options.paths), None);
    let mut history = History::through(&options.paths, options.when, |recordings, period| {
        Noted::new(recordings, &target, period)
    })?;
    let mut found = 0;
    let mut last = None;
    for (number, report) in history.by_ref().filter(|(_, report)| is_kill(report, &target)) {
        found += 1;
        last = Some((number, report));
    }
    let exit = history.exit();
    match last {
        Some((number, report)) => {
            tell(&answer(&target, found, number, &report), options.format)?;
            Ok(exit)
        }
        None if exit != Exit::Success => Ok(exit),
        None => {
            say(NotHeld::Fitting { count: history.seen() });
            if let Some(signal) = history.source().last() {
                sender::tell(signal, options.format)?;
            }
            Ok(Exit::Unanswered)
        }
    }
}

/// Whether the process was killed. A dying process that the kernel only marked was not, nor one that did not exit at SIGTERM.
fn is_kill(report: &Report, target: &Target) -> bool {
    report.has_killed() && target.victim(report).is_some()
}

fn answer<'a>(target: &Target, found: u64, number: u64, report: &'a Report) -> Answer<'a, Report> {
    let by_kernel = report.cause.code != Code::Userspace;
    let verdict = if by_kernel { Verdict::OomKill } else { Verdict::UserspaceKill };
    let shown =
        Shown { id: report.id.clone(), time: report.time.clone(), summary: report.cause.summary.clone() };
    let pid = target.victim(report).and_then(|victim| victim.process.pid);
    Answer::new(verdict, found, Some(number), pid, report, shown)
}
