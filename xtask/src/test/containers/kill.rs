//! What a report says of a kill in a container.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::test::local::tracer::{Said, at};

/// What a runtime says of a container itself.
pub(super) struct Expected {
    /// In full.
    pub(super) id: String,
    pub(super) runtime: &'static str,
    pub(super) name: &'static str,
    /// Its first process.
    pub(super) init_pid: i64,
    /// What people are shown first.
    pub(super) label: String,
    /// What the summary calls it.
    pub(super) words: String,
}

/// The report, if everything in it and in the line is true.
pub(super) fn judge(expected: &Expected, json: &Said, line: &[u8]) -> Result<Value> {
    let reports = json.reports()?;
    let is_it = |report: &&Value| at(report, "/victims/0/container/id") == expected.id.as_str();
    let report =
        reports.iter().find(is_it).with_context(|| format!("no report of {}: {reports:?}", expected.id))?;
    let container = at(report, "/victims/0/container");
    for (key, value) in [("name", expected.name), ("runtime", expected.runtime)] {
        ensure!(container[key] == value, "{key} is not {value}: {container}");
    }
    ensure!(container["init_pid"] == expected.init_pid, "the init is not {}: {container}", expected.init_pid);
    ensure!(container["lives_on"] == true, "it is said to end: {container}");
    let summary = at(report, "/cause/summary").as_str().unwrap_or_default();
    ensure!(summary.contains(&expected.words), "the summary lacks `{}`: {summary}", expected.words);
    let goes_on = format!("keeps running: its init (pid {}) was not killed", expected.init_pid);
    ensure!(summary.contains(&goes_on), "the summary does not say that it goes on: {summary}");
    let line = String::from_utf8_lossy(line);
    ensure!(line.contains(&expected.label), "the line lacks {}: {line}", expected.label);
    Ok(report.clone())
}
