//! `oomtrace dump`: prints frames, one per line.

use std::io::{self, BufWriter, Write as _};

use anyhow::{Context as _, Result};

use super::{
    replay::open,
    shared::{confine, say::say},
};
use crate::{
    cli::Dump, exit::Exit, frame::Frame, pipeline::PipelineError, recording::ReadError, sink::frames,
};

pub(super) fn run(options: &Dump) -> Result<Exit> {
    confine::to_reading([&options.file], None);
    let mut reader = open(&options.file)?;
    let mut output = BufWriter::new(io::stdout());
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let offset = reader.offset();
        let more = reader.next(&mut bytes).with_context(|| format!("reading {}", options.file.display()));
        if !matches!(more, Ok(true)) {
            output.flush().map_err(PipelineError::Output)?;
            more?;
            break;
        }
        write_frame(&mut output, offset, &bytes).map_err(PipelineError::Output)?;
    }
    if reader.torn() {
        say(ReadError::Torn { offset: reader.offset() });
    }
    Ok(Exit::Success)
}

fn write_frame(output: &mut impl io::Write, offset: u64, bytes: &[u8]) -> io::Result<()> {
    match Frame::parse(bytes) {
        Ok(frame) => frames::write(output, offset, &frame),
        Err(error) => writeln!(output, "{offset:>10} {error}"),
    }
}
