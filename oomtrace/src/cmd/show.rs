//! `oomtrace show`: incidents of recordings in full.

use std::{io, path::PathBuf};

use anyhow::Result;

use super::shared::{
    confine,
    history::{self, History, NotHeld},
    html, output,
};
use crate::{cli::Show, exit::Exit, pipeline::PipelineError, redact::Redact, report::Report};

/// Both a number and the last incident were requested.
#[derive(Debug, thiserror::Error)]
#[error(
    "pass either incident {number} or -1 (the last one), not both; for a file with that name, pass ./{number}"
)]
pub(super) struct TwoMeant {
    number: u64,
}

pub(super) fn run(options: &Show) -> Result<Exit> {
    let (number, paths) = split(&options.what);
    if let Some(number) = number.filter(|_| options.last) {
        return Err(TwoMeant { number }.into());
    }
    confine::to_reading(&history::read_from(paths), options.html.as_deref());
    let history = History::open(paths, number, options.when, &options.only)?;
    let mut history = history.redacting(redact(options));
    let reports = history.by_ref().map(|(_, report)| report);
    let printed = if number.is_some() {
        print(reports.take(1), options)?
    } else if options.last {
        print(reports.last().into_iter(), options)?
    } else {
        print(reports, options)?
    };
    // The reason why a file could not be read has already been printed.
    if printed > 0 || history.exit() != Exit::Success {
        return Ok(history.exit());
    }
    Err(not_held(number, history.seen()).into())
}

const fn redact(options: &Show) -> Redact {
    match (options.share, options.redact) {
        (true, _) => Redact::SecretsAndTitles,
        (false, true) => Redact::Secrets,
        (false, false) => Redact::Nothing,
    }
}

/// Shows all reports; returns their number.
fn print(mut reports: impl Iterator<Item = Report>, options: &Show) -> Result<u64> {
    if let Some(file) = &options.html {
        return Ok(html::incident(reports, file)?);
    }
    let mut sink = output::sink(options.format, io::stdout());
    let printed = reports.try_fold(0, |printed, report| sink.closed(&report).map(|()| printed + 1));
    Ok(printed.map_err(PipelineError::Output)?)
}

const fn not_held(number: Option<u64>, count: u64) -> NotHeld {
    match number {
        Some(number) if number == 0 || number > count => NotHeld::Number { number, count },
        _ => NotHeld::Fitting { count },
    }
}

/// Splits the arguments into the number, if the first one is a number, and the files and directories.
fn split(what: &[PathBuf]) -> (Option<u64>, &[PathBuf]) {
    let number = |path: &PathBuf| path.to_str()?.parse().ok();
    match what.split_first() {
        Some((first, rest)) if number(first).is_some() => (number(first), rest),
        _ => (None, what),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::split;

    #[test]
    fn takes_only_whole_numbers_as_incidents() {
        let what = |words: &[&str]| -> Vec<PathBuf> { words.iter().map(PathBuf::from).collect() };
        let parsed = |words: &[&str]| {
            let what = what(words);
            let (number, paths) = split(&what);
            (number, paths.len())
        };
        assert_eq!(parsed(&["12", "a", "b"]), (Some(12), 2));
        assert_eq!(parsed(&["./12", "3"]), (None, 2));
        assert_eq!(parsed(&["12"]), (Some(12), 0));
        assert_eq!(parsed(&[]), (None, 0));
    }
}
