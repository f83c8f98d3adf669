//! The page's two tables: written, and read again where a run leaves columns as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What a cell says that no run has filled.
pub(super) const NOT_RUN: &str = "not run";
/// The columns of the table of kernels.
const KERNELS: &str = "| series | `uname -r` | Debian's package version | run on |";
/// How the table of scenarios begins.
const SCENARIOS: &str = "| scenario |";

/// All that the page says of one series.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) series: String,
    pub(super) release: String,
    pub(super) version: String,
    /// The day it was run, UTC.
    pub(super) date: String,
    /// What each scenario came to, by name.
    pub(super) results: BTreeMap<String, String>,
}

impl Column {
    pub(super) fn has_failures(&self) -> bool {
        self.results.values().any(|result| result.contains("**fail**"))
    }
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
        let of =
            |column: &Column| column.results.get(scenario).cloned().unwrap_or_else(|| NOT_RUN.to_owned());
        let results: Vec<String> = columns.iter().map(of).collect();
        let _ = writeln!(text, "| {scenario} | {} |", results.join(" | "));
    }
    text
}

/// The columns of a page, but for those that are written anew.
pub(super) fn kept(page: &str, is_new: impl Fn(&str) -> bool) -> Vec<Column> {
    let kernels = rows(page, KERNELS);
    let head = page.lines().find(|line| line.starts_with(SCENARIOS)).unwrap_or_default();
    let series = cells(head);
    let scenarios = rows(page, SCENARIOS);
    let column = |kernel: &Vec<String>| {
        let [name, release, version, date] = <[String; 4]>::try_from(kernel.clone()).ok()?;
        let place = series.iter().position(|series| *series == name)?;
        let result = |row: &Vec<String>| Some((row.first()?.clone(), row.get(place)?.clone()));
        let results = scenarios.iter().filter_map(result).collect();
        Some(Column { series: name, release, version, date, results })
    };
    kernels.iter().filter_map(column).filter(|column| !is_new(&column.series)).collect()
}

/// The rows of a table, by how its head begins.
fn rows(page: &str, head: &str) -> Vec<Vec<String>> {
    let table = page.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    table.take_while(|line| line.starts_with('|')).map(cells).collect()
}

fn cells(row: &str) -> Vec<String> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}
