//! Checks the report of a kill in a container.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::test::local::tracer::{Said, at};

/// The runtime's own data about a container.
pub(super) struct Expected {
    /// The full identifier.
    pub(super) id: String,
    pub(super) runtime: &'static str,
    pub(super) name: &'static str,
    /// Its first process.
    pub(super) init_pid: i64,
    /// The name that users see first.
    pub(super) label: String,
    /// The name in the summary.
    pub(super) words: String,
}

/// Returns the report if everything in it and in the line is true.
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
    ensure!(container["lives_on"] == true, "lives_on is not true: {container}");
    let summary = at(report, "/cause/summary").as_str().unwrap_or_default();
    ensure!(summary.contains(&expected.words), "the summary lacks `{}`: {summary}", expected.words);
    let goes_on = format!("keeps running: its init (pid {}) was not killed", expected.init_pid);
    ensure!(
        summary.contains(&goes_on),
        "the summary does not say that the container keeps running: {summary}"
    );
    let line = String::from_utf8_lossy(line);
    ensure!(line.contains(&expected.label), "the line lacks {}: {line}", expected.label);
    Ok(report.clone())
}
