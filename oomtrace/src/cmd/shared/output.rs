//! Standard output as a sink's writer.

use std::io::{IsTerminal as _, Stdout, Write};

use crate::{
    cli::Format,
    sink::{
        Sink,
        json::Json,
        terminal::{Full, Line},
    },
};

/// The sink for a format.
pub(in crate::cmd) fn sink(format: Format, stdout: Stdout) -> Box<dyn Sink> {
    let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    to(format, Box::new(stdout), colour)
}

/// The sink for a format, to any output.
pub(in crate::cmd) fn to(format: Format, output: Box<dyn Write>, colour: bool) -> Box<dyn Sink> {
    match format {
        Format::Line => Box::new(Line::new(output, colour)),
        Format::Full => Box::new(Full::new(output, colour)),
        Format::Json => Box::new(Json::new(output)),
    }
}
