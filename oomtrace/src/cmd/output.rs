//! Standard output as a sink's writer.

use std::io::{IsTerminal as _, Stdout};

use crate::{
    cli::Format,
    sink::{
        Sink,
        json::Json,
        terminal::{Full, Line},
    },
};

/// The sink for a format.
pub(super) fn sink(format: Format, stdout: Stdout) -> Box<dyn Sink> {
    let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    match format {
        Format::Line => Box::new(Line::new(stdout, colour)),
        Format::Full => Box::new(Full::new(stdout, colour)),
        Format::Json => Box::new(Json::new(stdout)),
    }
}
