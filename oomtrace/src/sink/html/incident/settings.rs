//! The kernel's settings at the time of the incident, and how the incident was closed.

use maud::{Markup, html};

use crate::{
    report::Report,
    sink::{
        html::text::{ABSENT, known},
        terminal::{sanitize::sentence, units::count},
        words,
    },
};

pub(super) fn settings(report: &Report) -> Markup {
    let sysctl = report.sysctl;
    let status = &report.status;
    html! {
        section #settings aria-labelledby="settings-h" {
            h2 #settings-h { "Settings and status" }
            dl.facts {
                dt { "vm.oom_kill_allocating_task" } dd { (known(sysctl.oom_kill_allocating_task)) }
                dt { "vm.panic_on_oom" } dd { (known(sysctl.panic_on_oom)) }
                dt { "vm.overcommit_memory" } dd { (known(sysctl.overcommit_memory)) }
                dt { "incident" } dd { (sentence(&report.id)) }
                dt { "closed" } dd { (status.closed_by.map_or(ABSENT, words::closed_by)) ", " (if status.complete { "complete" } else { "incomplete" }) }
                dt { "frames lost" } dd { (count(status.lost_frames)) }
                dt { "OOM kills not reported" } dd { (count(status.unreported_kills)) }
                dt { "marks" } dd { (count(report.marks)) }
            }
        }
    }
}
