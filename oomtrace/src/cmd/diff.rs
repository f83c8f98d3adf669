//! `oomtrace diff`: compares two recordings.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
};

use anyhow::Result;

use super::shared::{confine, history::History};
use crate::{
    cli::{Diff, Only, TableFormat, When},
    diff::{Tally, compare},
    exit::Exit,
    pipeline::PipelineError,
    sink::{json, terminal},
};

pub(super) fn run(options: &Diff) -> Result<Exit> {
    confine::to_reading([&options.a, &options.b], None);
    let (a, exit_a) = tally(&options.a, options.when, &options.only)?;
    let (b, exit_b) = tally(&options.b, options.when, &options.only)?;
    let diff = compare(a, b);
    let mut output = io::stdout();
    let printed = match options.format {
        TableFormat::Json => json::line(&mut output, &diff),
        TableFormat::Text => {
            let colour = output.is_terminal() && std::env::var_os("NO_COLOR").is_none();
            output.write_all(terminal::diff::text(&diff, colour).as_bytes())
        }
    };
    printed.and_then(|()| output.flush()).map_err(PipelineError::Output)?;
    Ok(if exit_a == Exit::Success { exit_b } else { exit_a })
}

fn tally(path: &PathBuf, when: When, only: &Only) -> Result<(Tally, Exit)> {
    let mut history = History::open(std::slice::from_ref(path), None, when, only)?;
    let mut tally = Tally::default();
    history.by_ref().for_each(|(_, report)| tally.add(&report));
    Ok((tally, history.exit()))
}
