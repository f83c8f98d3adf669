//! An incident in full: what one needs at three in the morning, the answer first.

mod ballot;
mod decision;
mod domain;
mod ending;
mod process;
pub(super) mod sheet;
mod victim;

use std::io::{self, Write};

use self::sheet::Sheet;
use super::{
    Paint,
    sanitize::sentence,
    units::{ABSENT, boot_seconds},
};
use crate::{
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
    /// To this output.
    pub const fn new(output: W, colour: bool) -> Self {
        Self { output, paint: Paint { colour } }
    }
}

impl<W: Write> Sink for Full<W> {
    fn decided(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }

    fn closed(&mut self, report: &Report) -> io::Result<()> {
        write_whole(&mut self.output, page(report, self.paint).as_bytes())
    }
}

fn page(report: &Report, paint: Paint) -> String {
    let mut sheet = Sheet { text: String::new(), paint };
    sheet.line(&paint.bold(&sentence(&report.cause.summary)));
    sheet.section("when", &when(report));
    decision::why(&mut sheet, report);
    domain::domain(&mut sheet, report);
    decision::allocation(&mut sheet, report);
    process::trigger(&mut sheet, report);
    decision::selection(&mut sheet, report);
    ballot::margin(&mut sheet, report);
    ballot::candidates(&mut sheet, report);
    victim::victims(&mut sheet, report);
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

/// The size of a page, as the victim's figures tell it: the same memory stands in the report in bytes and in pages.
/// The two are read an instant apart, so the nearest size that exists is meant.
fn page_bytes(report: &Report) -> Option<u64> {
    report.victims.iter().find_map(|victim| {
        let memory = victim.memory?;
        let pages = u64::try_from(victim.score?.base_pages?).ok().filter(|pages| *pages > 0)?;
        let bytes = [
            memory.anon_rss_bytes,
            memory.file_rss_bytes,
            memory.shmem_rss_bytes,
            memory.swap_bytes,
            memory.pgtables_bytes,
        ];
        let ratio = bytes.into_iter().fold(0_u64, u64::saturating_add) / pages;
        [4 << 10, 16 << 10, 64 << 10].into_iter().find(|size: &u64| ratio.abs_diff(*size) <= size / 4)
    })
}

#[cfg(test)]
mod tests;
