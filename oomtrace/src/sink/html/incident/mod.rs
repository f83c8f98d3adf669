//! The page of one incident: the answer first, then the evidence for it, then the complete report.

mod account;
mod ballot;
mod call_trace;
mod facts;
mod followed;
mod head;
mod lead_up;
mod limits;
mod memory;
mod processes;
mod settings;
mod timeline;

use maud::html;

use super::frame::frame;
use crate::{report::Report, sink::terminal::sanitize::sentence};

/// Returns the HTML page of an incident.
#[must_use]
pub fn page(report: &Report) -> String {
    let body = html! {
        (head::head(report))
        (timeline::timeline(report))
        (lead_up::lead_up(report))
        (limits::limits(report))
        (account::account(report))
        (ballot::ballot(report))
        (memory::memory(report))
        (processes::processes(report))
        (followed::followed(report))
        (settings::settings(report))
        (facts::facts(report))
    };
    frame(&sentence(&report.cause.summary), &body)
}
