//! Sinks: the output of reports. Facts become text here and nowhere before.

use std::io;

use crate::report::Report;

mod call_trace;
mod followed;
pub mod frames;
pub mod html;
pub mod json;
mod lead_up;
mod margin;
mod memory_stat;
mod place;
pub(crate) mod sanitize;
mod shortage;
pub mod terminal;
pub(crate) mod units;
mod words;

/// Takes reports.
pub trait Sink {
    /// Whether [`Sink::decided`] does anything: an explanation that nobody hears is not made.
    fn hears_decisions(&self) -> bool;

    /// The decision has fallen; the aftermath is still to come.
    ///
    /// # Errors
    ///
    /// If the output cannot be written.
    fn decided(&mut self, report: &Report) -> io::Result<()>;

    /// The incident is complete, or as complete as it will be.
    ///
    /// # Errors
    ///
    /// If the output cannot be written.
    fn closed(&mut self, report: &Report) -> io::Result<()>;
}

/// A report in one piece: a reader of a pipe never sees half of one.
fn write_whole(output: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
    output.write_all(bytes)?;
    output.flush()
}
