//! `oomtrace replay`: processes a recording in the same way as live frames.

use std::{fs::File, io::BufReader, path::Path};

use anyhow::{Context as _, Error, Result};

use super::{
    filter, forecasts, print_totals, redact,
    shared::{confine, output, say::say},
};
use crate::{
    cli::Replay,
    exit::Exit,
    pipeline::{Pipeline, PipelineError},
    recording::{ReadError, Reader},
    source::{recordings, replay},
};

pub(super) fn run(options: &Replay) -> Result<Exit> {
    confine::to_reading([&options.file], None);
    let stdout = std::io::stdout();
    let mut source = replay::Replay::new(open(&options.file)?);
    let sinks = vec![output::sink(options.format, stdout)];
    let road = Pipeline::new(sinks, filter(&options.only));
    let road = road.foreseeing(forecasts(&options.only)).redacting(redact(options.redact));
    let replayed = road.replay(&mut source);
    let (totals, _) = replayed.map_err(|error| match error {
        PipelineError::Output(_) => Error::new(error),
        PipelineError::Source(_) => Error::new(error).context(format!("reading {}", options.file.display())),
    })?;
    if let Some(offset) = source.torn_at() {
        say(ReadError::Torn { offset });
    }
    print_totals(totals);
    Ok(Exit::Success)
}

/// Opens a recording.
pub(super) fn open(path: &Path) -> Result<Reader<BufReader<File>>> {
    recordings::open(path).with_context(|| format!("reading {}", path.display()))
}
