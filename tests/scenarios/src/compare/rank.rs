//! Checks `oomtrace rank` before the kill: the kernel must kill the first process in its list first.

use serde_json::Value;

use super::Disagreement;
use super::report::incident::LOG;
use crate::observation::{CommandRun, Observation, Status};
use crate::scenario::Scenario;
use crate::witness::Incident;

pub(super) fn judge(scenario: &Scenario, seen: &Observation, log: &[Incident]) -> Option<Disagreement> {
    if !scenario.expect.foreseeable {
        return None;
    }
    let killed = log.iter().flat_map(|incident| &incident.kills).next()?.pid;
    let named = seen.rank.as_ref().ok_or_else(|| "nobody asked".to_owned()).and_then(first);
    let says = format!("{killed} was killed first");
    match named {
        Ok(named) if named == u64::from(killed) => None,
        Ok(named) => Some(differ(says, named.to_string())),
        Err(instead) => Some(differ(says, instead)),
    }
}

/// The first process of the ranking, or an error in its place.
fn first(run: &CommandRun) -> Result<u64, String> {
    if run.status != Some(Status::Code(0)) {
        return Err(format!("status {:?}: {}", run.status, run.stderr.to_chars()));
    }
    let said = run.stdout.to_chars();
    let ranking: Value = serde_json::from_str(&said).map_err(|error| format!("no JSON: {error}"))?;
    let pid = ranking.pointer("/candidates/0/pid").and_then(Value::as_u64);
    pid.ok_or_else(|| "no candidate".to_owned())
}

fn differ(says: String, report: String) -> Disagreement {
    Disagreement { field: "rank before the kill".to_owned(), witness: LOG, says, report }
}
