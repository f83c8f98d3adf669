//! The table at the end of a run: a row for each scenario, a column for each series and tier.

use std::fmt::Write as _;

use super::matrix::{Cell, Verdict};

/// The table, and the count below it.
pub(crate) fn render(cells: &[Cell]) -> String {
    let columns = unique(cells.iter().map(|cell| (cell.series.as_str(), cell.tier)));
    let rows = unique(cells.iter().map(|cell| cell.scenario.as_str()));
    let mut text = format!("\n{:<24}", "");
    for (series, tier) in &columns {
        let _ = write!(text, " {:>7}", format!("{series}/{}", tier.get(..1).unwrap_or_default()));
    }
    for row in rows {
        let _ = write!(text, "\n{row:<24}");
        for &(series, tier) in &columns {
            let here = |cell: &&Cell| cell.scenario == row && cell.series == series && cell.tier == tier;
            let _ = write!(text, " {:>7}", cells.iter().find(here).map_or("", |cell| mark(&cell.verdict)));
        }
    }
    let count = |wanted: &str| cells.iter().filter(|cell| mark(&cell.verdict) == wanted).count();
    let failed = cells.iter().filter(|cell| cell.verdict.is_failure()).count();
    let _ = writeln!(
        text,
        "\n\n{} cells: {} ok, {failed} failed, {} not applicable (f fentry, k kprobe, t tracepoint)",
        cells.len(),
        count("ok"),
        count("n/a")
    );
    text
}

fn mark(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Agrees => "ok",
        Verdict::Disagrees(_) => "FAIL",
        Verdict::NotApplicable(_) => "n/a",
        Verdict::Broken(_) => "BROKEN",
        Verdict::Lost(_) => "LOST",
    }
}

/// The values, sorted, each once.
fn unique<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort();
    values.dedup();
    values
}
