//! The failed cells of one architecture with their reasons: written, and read again to keep those of cells that a run leaves out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use oomtrace_scenarios::job::Tier;

use super::page::Column;
use crate::vm::matrix::Cell;

/// The heading above them.
const HEADING: &str = "### Failures";
/// The number of lines shown of a reason.
const REASON_LINES: usize = 5;

/// The reason of each failed cell, by the line that names the cell.
pub(super) type Failures = BTreeMap<String, String>;

/// The failures of a run.
pub(super) fn of_run(cells: &[Cell]) -> Failures {
    let failed = cells.iter().filter(|cell| cell.verdict.is_failure());
    failed.map(|cell| (name(&cell.scenario, &cell.series, cell.tier), cell.verdict.reason())).collect()
}

/// The failures on an architecture's part of the page.
pub(super) fn of_page(part: &str) -> Failures {
    let mut failures = Failures::new();
    let lines = part.lines().skip_while(|line| *line != HEADING).skip(1);
    let mut last = String::new();
    for line in lines.take_while(|line| !line.starts_with('#')).filter(|line| !line.is_empty()) {
        match line.strip_prefix("    ") {
            Some(reason) => {
                let all = failures.entry(last.clone()).or_default();
                let _ = writeln!(all, "{reason}");
            }
            None => line.trim_end_matches(':').clone_into(&mut last),
        }
    }
    failures
}

/// The failed cells of the columns, with reasons from the run, or else from the page before it. Empty if there are none.
pub(super) fn render(columns: &[Column], run: &Failures, before: &Failures) -> String {
    let mut failed: Vec<String> = columns.iter().flat_map(failed_of).collect();
    failed.sort_unstable();
    let mut text = if failed.is_empty() { String::new() } else { format!("\n{HEADING}\n") };
    for name in failed {
        let _ = writeln!(text, "\n{name}:\n");
        let reason = run.get(&name).or_else(|| before.get(&name)).map_or("", String::as_str);
        for line in reason.lines().take(REASON_LINES) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// The names of a column's failed cells.
fn failed_of(column: &Column) -> Vec<String> {
    let mut names = Vec::new();
    for (scenario, results) in &column.results {
        let failed = Tier::ALL.iter().zip(results).filter(|(_, result)| result.contains("**fail**"));
        names.extend(failed.map(|(tier, _)| name(scenario, &column.series, tier.name())));
    }
    names
}

/// The line that names a cell.
fn name(scenario: &str, series: &str, tier: &str) -> String {
    format!("{scenario} on {series}, {tier}")
}
