//! Sinks: the output of reports. Facts become text here and nowhere earlier.

use std::io;

use crate::{forecast::Announcement, report::Report};

mod call_trace;
mod chain;
mod followed;
pub mod frames;
pub mod html;
pub mod json;
mod lead_up;
mod margin;
mod memory_stat;
mod place;
mod prekill;
pub(crate) mod sanitize;
mod shortage;
pub mod terminal;
pub(crate) mod units;
mod words;

/// Receives reports.
pub trait Sink {
    /// Whether [`Sink::decided`] does anything. If not, the report is not built.
    fn hears_decisions(&self) -> bool;

    /// Called when the decision has been made and the aftermath is still open.
    ///
    /// # Errors
    ///
    /// If the output cannot be written.
    fn decided(&mut self, report: &Report) -> io::Result<()>;

    /// Called when the incident is complete, or closed as it is.
    ///
    /// # Errors
    ///
    /// If the output cannot be written.
    fn closed(&mut self, report: &Report) -> io::Result<()>;

    /// Memory will run out soon at its present rate. Most sinks are about incidents alone.
    ///
    /// # Errors
    ///
    /// If the output cannot be written.
    fn foreseen(&mut self, _: &Announcement) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a report with one call, so that a reader of a pipe never sees a part of one.
fn write_whole(output: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
    output.write_all(bytes)?;
    output.flush()
}
