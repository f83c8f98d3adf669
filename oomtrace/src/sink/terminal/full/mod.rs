//! An incident in full, with the answer first.

mod ballot;
mod decision;
mod domain;
mod ending;
mod followed;
mod lead_up;
mod process;
pub(super) mod sheet;
mod shortage;
mod victim;

use std::io::{self, Write};

use self::sheet::Sheet;
use super::{
    Paint, forecast,
    sanitize::sentence,
    units::{ABSENT, boot_seconds},
};
use crate::{
    forecast::Announcement,
    kernel::tier::Tier,
    report::Report,
    sink::{Sink, write_whole},
};

/// Writes each incident once, when it is closed.
pub struct Full<W> {
    output: W,
    paint: Paint,
}

impl<W: Write> Full<W> {
    /// Creates a sink for this output.
    pub const fn new(output: W, colour: bool) -> Self {
        Self { output, paint: Paint { colour } }
    }
}

impl<W: Write> Sink for Full<W> {
    fn hears_decisions(&self) -> bool {
        false
    }

    fn decided(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }

    fn closed(&mut self, report: &Report) -> io::Result<()> {
        write_whole(&mut self.output, page(report, self.paint).as_bytes())
    }

    fn foreseen(&mut self, announcement: &Announcement) -> io::Result<()> {
        write_whole(&mut self.output, forecast::line(announcement, self.paint).as_bytes())
    }
}

fn page(report: &Report, paint: Paint) -> String {
    let mut sheet = Sheet { text: String::new(), paint };
    sheet.line(&paint.bold(&sentence(&report.cause.summary)));
    sheet.section("when", &when(report));
    decision::why(&mut sheet, report);
    domain::domain(&mut sheet, report);
    lead_up::lead_up(&mut sheet, report);
    shortage::account(&mut sheet, report);
    shortage::machine(&mut sheet, report);
    decision::allocation(&mut sheet, report);
    process::trigger(&mut sheet, report);
    decision::selection(&mut sheet, report);
    ballot::margin(&mut sheet, report);
    ballot::candidates(&mut sheet, report);
    victim::victims(&mut sheet, report);
    followed::prekill(&mut sheet, report);
    followed::followed(&mut sheet, report);
    followed::afterwards(&mut sheet, report);
    followed::repeats(&mut sheet, report);
    followed::chain(&mut sheet, report);
    ending::sysctls(&mut sheet, report);
    ending::status(&mut sheet, report);
    ending::unseen(&mut sheet, report);
    sheet.line("");
    sheet.text
}

fn when(report: &Report) -> String {
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| ABSENT.to_owned(), sentence);
    let [time, host, kernel] = [&report.time, &report.host, &report.kernel].map(text);
    let boot = boot_seconds(report.boot_ns);
    let tier = report.tier.map_or(ABSENT, Tier::name);
    format!("{time} (boot {boot}), host {host}, kernel {kernel}, tier {tier}")
}

#[cfg(test)]
mod tests;
