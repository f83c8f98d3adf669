//! `oomtrace show`: incidents of recordings in full.

use std::{io, path::PathBuf};

use anyhow::Result;

use super::{
    history::{History, NotHeld},
    output,
};
use crate::{cli::Show, exit::Exit, pipeline::PipelineError};

pub(super) fn run(options: &Show) -> Result<Exit> {
    let (number, paths) = split(&options.what);
    let mut history = History::open(paths, number, options.when, &options.only)?;
    let mut sink = output::sink(options.format, io::stdout());
    let mut told = false;
    let mut tell = |report| {
        told = true;
        sink.closed(&report).map_err(PipelineError::Output)
    };
    let mut reports = history.by_ref().map(|(_, report)| report);
    if number.is_some() {
        reports.next().map_or(Ok(()), &mut tell)?;
    } else if options.last {
        reports.last().map_or(Ok(()), &mut tell)?;
    } else {
        reports.try_for_each(tell)?;
    }
    // Why a file could not be read was said already.
    if told || history.exit() != Exit::Success {
        return Ok(history.exit());
    }
    Err(not_held(number, history.seen()).into())
}

const fn not_held(number: Option<u64>, count: u64) -> NotHeld {
    match number {
        Some(number) if number == 0 || number > count => NotHeld::Number { number, count },
        _ => NotHeld::Fitting { count },
    }
}

/// The number, if the first word is one, and the files and folders.
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
    fn a_number_is_a_number_and_all_else_a_path() {
        let what = |words: &[&str]| -> Vec<PathBuf> { words.iter().map(PathBuf::from).collect() };
        let told = |words: &[&str]| {
            let what = what(words);
            let (number, paths) = split(&what);
            (number, paths.len())
        };
        assert_eq!(told(&["12", "a", "b"]), (Some(12), 2));
        assert_eq!(told(&["./12", "3"]), (None, 2));
        assert_eq!(told(&["12"]), (Some(12), 0));
        assert_eq!(told(&[]), (None, 0));
    }
}
