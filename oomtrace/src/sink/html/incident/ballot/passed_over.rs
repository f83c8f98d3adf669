//! The tasks that the kernel passed over, and the reasons.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::{
    incident::PassedOver,
    report::{Candidate, Report},
    sink::{
        html::text::{chosen, count, known, number},
        terminal::units,
        words,
    },
};

/// Number of tasks to name. The JSON at the end of the page contains all of them.
const SHOWN: usize = 60;

pub(super) fn passed_over(report: &Report, candidates: &[Candidate]) -> Markup {
    let rows: Vec<(&Candidate, PassedOver)> =
        candidates.iter().filter_map(|row| Some((row, row.passed_over?))).collect();
    let hidden = rows.len().saturating_sub(SHOWN);
    let listed = reasons(report, &rows);
    html! {
        @if !listed.is_empty() {
            h3 { "Passed over" }
            p { (listed) }
        }
        @if !rows.is_empty() {
            div.wide role="region" tabindex="0" aria-label="passed over" { table.list #passed-over {
                thead { tr {
                    th scope="col" { "process" }
                    th.number scope="col" { "pid" }
                    th scope="col" { "why" }
                    th.number scope="col" { "rss, pages" }
                    th.number scope="col" { "oom_score_adj" }
                } }
                tbody { @for (row, reason) in rows.iter().take(SHOWN) { tr {
                    td { (chosen(row.comm.as_ref())) }
                    td.number { (known(row.pid)) }
                    td { (words::passed_over(*reason)) }
                    td.number { (count(row.rss_pages)) }
                    td.number { (known(row.oom_score_adj)) }
                } } }
            } }
            @if hidden > 0 { p.more { "and " (number(hidden)) " more" } }
        }
    }
}

/// Counts the tasks by reason.
fn reasons(report: &Report, rows: &[(&Candidate, PassedOver)]) -> String {
    let mut reasons: BTreeMap<PassedOver, u64> = BTreeMap::new();
    for (_, reason) in rows {
        *reasons.entry(*reason).or_default() += 1;
    }
    let mut listed: Vec<String> = reasons
        .into_iter()
        .map(|(reason, number)| format!("{} {}", units::count(number), words::passed_over(reason)))
        .collect();
    if let Some(threads) = report.kernel_threads.filter(|threads| *threads > 0) {
        let noun = if threads == 1 { "kernel thread" } else { "kernel threads" };
        listed.push(format!("{} {noun}", units::count(threads)));
    }
    listed.join(", ")
}
