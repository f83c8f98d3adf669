//! The timeline of the incident, from the decision to the last exit, as far as it is known.

use maud::{Markup, html};
use time::{Duration, OffsetDateTime};

use crate::{
    report::{Aftermath, Report, Victim},
    sink::{
        html::{
            bar::percent,
            moment,
            text::{ABSENT, chosen, known, number},
        },
        terminal::units::{count, span},
    },
};

/// Number of victims whose steps are shown.
const SHOWN: usize = 8;

pub(super) fn timeline(report: &Report) -> Markup {
    let last = report.victims.iter().map(|victim| last(victim.aftermath));
    let last = last.chain(report.empty_passes.map(|passes| passes.last_ns)).max().unwrap_or(0);
    let clock = Clock { decision: report.time.as_deref().and_then(moment::of), last };
    let hidden = report.victims.len().saturating_sub(SHOWN);
    html! {
        section #timeline aria-labelledby="timeline-h" {
            h2 #timeline-h { "What happened when" }
            table.timeline {
                thead { tr {
                    th scope="col" { "step" }
                    th scope="col" { "time, UTC" }
                    th.number scope="col" { "after" }
                    th scope="col" { span.hidden { "drawn" } }
                } }
                tbody {
                    (clock.row("decision", Some(0), 0))
                    @if let Some(passes) = report.empty_passes {
                        (clock.row(&format!("last of {} passes that killed no process", count(passes.count)), Some(passes.last_ns), 0))
                    }
                }
                @for victim in report.victims.iter().take(SHOWN) {
                    (steps(clock, victim, report.victims.len() > 1))
                }
            }
            @if hidden > 0 { p.more { "and " (number(hidden)) " more victims" } }
        }
    }
}

fn steps(clock: Clock, victim: &Victim, is_one_of_many: bool) -> Markup {
    let Aftermath { sigkill_ns, reap_start_ns, reap_end_ns, exit_ns, .. } = victim.aftermath;
    let sent = sigkill_ns.unwrap_or(0);
    let Victim { process, .. } = victim;
    html! {
        tbody {
            @if is_one_of_many {
                tr.group { th colspan="4" scope="rowgroup" { (chosen(process.comm.as_ref())) " pid " (known(process.pid)) } }
            }
            (clock.row("SIGKILL", sigkill_ns, 0))
            @if reap_start_ns.is_some() || reap_end_ns.is_some() {
                (clock.row("reaper begins", reap_start_ns, sent))
                (clock.row("reaper ends", reap_end_ns, reap_start_ns.unwrap_or(sent)))
            }
            (clock.row("exit", exit_ns, sent))
        }
    }
}

/// The time scale of the timeline.
#[derive(Clone, Copy)]
struct Clock {
    decision: Option<OffsetDateTime>,
    /// The last step, in ns after the decision.
    last: u64,
}

impl Clock {
    /// Shows a step: its time, its delay after the decision, and a line from the step before it.
    fn row(self, step: &str, ns: Option<u64>, from_ns: u64) -> Markup {
        html! {
            tr {
                th scope="row" { (step) }
                td { (ns.and_then(|ns| self.wall(ns)).unwrap_or_else(|| ABSENT.to_owned())) }
                td.number { (known(ns.map(|ns| if ns == 0 { "0".to_owned() } else { format!("+{}", span(ns)) }))) }
                td aria-hidden="true" { (self.drawn(ns, from_ns)) }
            }
        }
    }

    fn drawn(self, ns: Option<u64>, from_ns: u64) -> Markup {
        // The style sheet lets the drawing overflow, so that the dots at both ends are complete.
        let at = |ns: u64| percent(ns, self.last.max(1));
        html! {
            svg.track width="100%" height="14" {
                line.rail x1="0" x2="100%" y1="7" y2="7" {}
                @if let Some(ns) = ns {
                    line.path x1=(at(from_ns.min(ns))) x2=(at(ns)) y1="7" y2="7" {}
                    circle.dot cx=(at(ns)) cy="7" r="4.5" {}
                }
            }
        }
    }

    /// Returns the time of day of a step, to the microsecond.
    fn wall(self, ns: u64) -> Option<String> {
        let at = self.decision?.checked_add(Duration::nanoseconds(i64::try_from(ns).ok()?))?;
        Some(moment::of_day(at))
    }
}

fn last(aftermath: Aftermath) -> u64 {
    let Aftermath { sigkill_ns, reap_start_ns, reap_end_ns, exit_ns, .. } = aftermath;
    [sigkill_ns, reap_start_ns, reap_end_ns, exit_ns].into_iter().flatten().max().unwrap_or(0)
}
