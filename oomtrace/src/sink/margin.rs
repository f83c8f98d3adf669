//! The margin of the chosen task, and the values that would have changed the choice, in words for all sinks that people read.

use super::{
    sanitize::name,
    units::{ABSENT, count, or_absent, pages},
};
use crate::{
    badness,
    report::{Candidate, Report},
};

/// The margin in pages and bytes, with the runner-up's name.
pub(super) fn ahead(report: &Report) -> Option<String> {
    let runner_up = who(report, |row| row.pid == report.selection.runner_up_pid);
    Some(match u64::try_from(report.selection.margin_points?) {
        Ok(0) => format!(
            "none over {runner_up}: with equal points the kernel takes the task that it examines last"
        ),
        Ok(points) => format!("{} over {runner_up}", pages(points, report.page_bytes())),
        Err(_) => count(report.selection.margin_points?),
    })
}

/// The values of `oom_score_adj` with which the kernel would have chosen the runner-up.
pub(super) fn otherwise(report: &Report) -> Option<String> {
    let selection = &report.selection;
    let raised = selection.runner_up_adj_at_least.map(|adj| format!("of {adj} or more for itself"));
    let chosen = who(report, |row| row.chosen);
    let lowered = selection.chosen_adj_at_most.map(|adj| {
        let or_less = if adj == badness::ADJ_MIN { "" } else { " or less" };
        format!("of {adj}{or_less} for {chosen}")
    });
    let turn = match (raised, lowered) {
        (Some(raised), Some(lowered)) => Some(format!("{raised}, or {lowered}")),
        (raised, lowered) => raised.or(lowered),
    };
    let runner_up = who(report, |row| row.pid == report.selection.runner_up_pid);
    Some(format!("{runner_up} would have been chosen with an oom_score_adj {}", turn?))
}

fn who(report: &Report, is_it: impl Fn(&Candidate) -> bool) -> String {
    let row = report.candidates.iter().flatten().find(|row| is_it(row));
    row.map_or_else(|| ABSENT.to_owned(), process)
}

/// A candidate's name and pid.
pub(super) fn process(row: &Candidate) -> String {
    let comm = row.comm.as_ref().map_or_else(|| ABSENT.to_owned(), |comm| name(comm.as_bytes()));
    format!("{comm} (pid {})", or_absent(row.pid))
}
