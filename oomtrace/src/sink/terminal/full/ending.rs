//! Settings, the end of the incident, and the facts that could not be seen.

use super::{
    super::units::{ABSENT, count, or_absent, span},
    sheet::Sheet,
};
use crate::{explain::Code, kernel::tier::Tier, report::Report, sink::words};

pub(super) fn sysctls(sheet: &mut Sheet, report: &Report) {
    let sysctl = report.sysctl;
    let settings = [
        ("vm.oom_kill_allocating_task", sysctl.oom_kill_allocating_task),
        ("vm.panic_on_oom", sysctl.panic_on_oom),
        ("vm.overcommit_memory", sysctl.overcommit_memory),
    ];
    let texts = settings.map(|(name, value)| format!("{name} {}", or_absent(value)));
    sheet.section("sysctls", &texts.join(", "));
}

pub(super) fn status(sheet: &mut Sheet, report: &Report) {
    let status = &report.status;
    let closed_by = status.closed_by.map_or(ABSENT, words::closed_by);
    let complete = if status.complete { "complete" } else { "incomplete" };
    let (lost, marks) = (count(status.lost_frames), count(report.marks));
    sheet.section("status", &format!("{closed_by}, {complete}, frames lost {lost}, marks {marks}"));
    if status.unreported_kills > 0 {
        sheet.more(&format!("OOM kills that could not be reported: {}", count(status.unreported_kills)));
    }
    if let Some(passes) = report.empty_passes {
        let (number, last) = (count(passes.count), span(passes.last_ns));
        sheet.more(&format!("passes that killed no process: {number}, the last +{last}"));
    }
    sheet.more(&format!("incident {}", super::sentence(&report.id)));
}

/// Says what a tier cannot see, so that `-` is not taken for a value.
pub(super) fn unseen(sheet: &mut Sheet, report: &Report) {
    if report.tier == Some(Tier::Tracepoint) && report.cause.code != Code::Userspace {
        sheet.section(
            "not seen",
            "tier tracepoint does not see the decision itself: score, candidates, constraint, allocation.",
        );
        sheet.more("Cause and policy are inferred from the limits around the trigger. `oomtrace check` shows what prevents a better tier.");
    }
}
