//! The tables of one architecture: written, and read again to keep cells that a run leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use oomtrace_scenarios::job::Tier;

/// The text of a cell that no run has filled.
pub(super) const NOT_RUN: &str = "not run";
/// The columns of the table of kernels.
const KERNELS: &str = "| series | `uname -r` | Debian's package version | run on |";
/// The beginning of the table of scenarios.
const SCENARIOS: &str = "| scenario |";

/// The results of a scenario on each tier.
pub(super) type Results = [String; Tier::ALL.len()];

/// Everything on the page about one series.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) series: String,
    pub(super) release: String,
    pub(super) version: String,
    /// The day of the run, UTC.
    pub(super) date: String,
    /// The results of each scenario by name.
    pub(super) results: BTreeMap<String, Results>,
}

impl Column {
    /// Copies cells that were not run again from an older column of the same kernel.
    pub(super) fn complete_from(&mut self, old: Self) {
        if old.release != self.release {
            return;
        }
        for (scenario, before) in old.results {
            let results = self.results.entry(scenario).or_insert_with(not_run);
            for (result, before) in results.iter_mut().zip(before).filter(|(result, _)| *result == NOT_RUN) {
                *result = before;
            }
        }
    }
}

pub(super) fn not_run() -> Results {
    [(); Tier::ALL.len()].map(|()| NOT_RUN.to_owned())
}

pub(super) fn kernels_table(columns: &[Column]) -> String {
    let mut text = format!("{KERNELS}\n| --- | --- | --- | --- |\n");
    for Column { series, release, version, date, .. } in columns {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {series} | {release} | {version} | {date} |");
    }
    text
}

pub(super) fn scenarios_table(columns: &[Column]) -> String {
    let series: Vec<&str> = columns.iter().map(|column| column.series.as_str()).collect();
    let mut text = format!("{SCENARIOS} {} |\n|{}\n", series.join(" | "), " --- |".repeat(series.len() + 1));
    let scenarios: BTreeSet<&String> = columns.iter().flat_map(|column| column.results.keys()).collect();
    for scenario in scenarios {
        let of = |column: &Column| column.results.get(scenario).map_or_else(|| NOT_RUN.to_owned(), to_text);
        let results: Vec<String> = columns.iter().map(of).collect();
        let _ = writeln!(text, "| {scenario} | {} |", results.join(" | "));
    }
    text
}

/// One result for all tiers if they agree, or each after the name of its tier.
fn to_text(results: &Results) -> String {
    let [first, rest @ ..] = results;
    if rest.iter().all(|result| result == first) {
        return first.clone();
    }
    let named = Tier::ALL.iter().zip(results).map(|(tier, result)| format!("{} {result}", tier.name()));
    named.collect::<Vec<_>>().join(", ")
}

fn from_text(text: &str) -> Results {
    let of = |tier: Tier| {
        let named = |part: &str| part.strip_prefix(tier.name())?.strip_prefix(' ').map(str::to_owned);
        text.split(", ").find_map(named).unwrap_or_else(|| text.to_owned())
    };
    Tier::ALL.map(of)
}

/// The columns of an architecture's part of the page.
pub(super) fn columns(part: &str) -> Vec<Column> {
    let kernels = rows(part, KERNELS);
    let head = part.lines().find(|line| line.starts_with(SCENARIOS)).unwrap_or_default();
    let series = cells(head);
    let scenarios = rows(part, SCENARIOS);
    let column = |kernel: &Vec<String>| {
        let [name, release, version, date] = <[String; 4]>::try_from(kernel.clone()).ok()?;
        let place = series.iter().position(|series| *series == name)?;
        let result = |row: &Vec<String>| Some((row.first()?.clone(), from_text(row.get(place)?)));
        let results = scenarios.iter().filter_map(result).collect();
        Some(Column { series: name, release, version, date, results })
    };
    kernels.iter().filter_map(column).collect()
}

/// The rows of a table, found by the beginning of its heading.
fn rows(page: &str, head: &str) -> Vec<Vec<String>> {
    let table = page.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    table.take_while(|line| line.starts_with('|')).map(cells).collect()
}

fn cells(row: &str) -> Vec<String> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_results() {
        let [pass, fail] = ["pass", "**fail**"].map(str::to_owned);
        for results in [
            [pass.clone(), pass.clone(), pass.clone()],
            [pass.clone(), fail, NOT_RUN.to_owned()],
            ["not applicable: `X=n`".to_owned(), pass.clone(), pass],
        ] {
            assert_eq!(from_text(&to_text(&results)), results);
        }
    }
}
