//! The actions of user space after the incident, and the events before it.

use maud::{Markup, html};

use crate::{
    explain::ordinal,
    report::Report,
    sink::{chain, followed, prekill, terminal::units::span},
};

pub(super) fn followed(report: &Report) -> Markup {
    let afterwards = report.afterwards.as_ref().and_then(followed::afterwards);
    html! {
        @if report.prekill.is_some() || !report.followed.is_empty() || afterwards.is_some() || report.repeats.is_some() || report.chain.is_some() {
            section #followed aria-labelledby="followed-h" {
                h2 #followed-h { "Before and after" }
                @if let Some(announcement) = &report.prekill {
                    p { (prekill::announced(announcement)) }
                    @for line in announcement.snapshot.iter().flat_map(prekill::before) { p.small { (line) } }
                }
                @if let Some(repeats) = report.repeats {
                    p { (ordinal(repeats.count)) " kill of this name in this place, the first " (span(repeats.since_ns)) " before" }
                }
                @if let Some(chain) = &report.chain {
                    p { (chain::words(chain)) "; the chain began with " (chain::first(chain)) }
                }
                @for act in &report.followed {
                    p { (followed::act(act)) @if let Some(processes) = followed::processes(act) { ": " (processes) } }
                }
                @if let Some(words) = &afterwards { p { (words) } }
            }
        }
    }
}
