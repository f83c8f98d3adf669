//! Checks the tracer's run as a whole: its lines, its exit, and a report for each kill.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Disagreement, ground, marks, no_kill, pairing, rank, replay,
    report::{date, incident, user_kill},
    without_kill,
};
use crate::job::Tier;
use crate::observation::{Observation, Status, TracerRun};
use crate::scenario::Scenario;
use crate::witness::Incident;

pub(super) fn judge(
    scenario: &Scenario,
    seen: &Observation,
    log: &[Incident],
    tier: Tier,
) -> Vec<Disagreement> {
    let Some(run) = &seen.tracer else {
        return vec![differ("tracer", "guest", "a run of the tracer", "none")];
    };
    let mut found = run_itself(run, scenario, tier);
    let reports = parse(run, &mut found);
    let (by_user, by_kernel): (Vec<&Value>, Vec<&Value>) =
        reports.iter().partition(|report| user_kill::is_one(report));
    found.extend(user_kill::judge(scenario, seen, &by_user, tier));
    let kills = log.iter().filter(|incident| !incident.kills.is_empty());
    for (number, incident) in kills.enumerate() {
        let told: Vec<&Value> = by_kernel
            .iter()
            .copied()
            .filter(|report| pairing::claims_kill(report) && pairing::share_victim(report, incident))
            .collect();
        match told.as_slice() {
            [report] => found.extend(incident::judge(scenario, seen, (incident, number > 0), report, tier)),
            several => {
                let kills: Vec<u32> = incident.kills.iter().map(|kill| kill.pid).collect();
                let count = format!("in {} reports", several.len());
                found.push(differ("report", "kernel log", &format!("one decision killed {kills:?}"), &count));
            }
        }
    }
    for report in by_kernel.iter().filter(|report| pairing::claims_kill(report)) {
        if !log.iter().any(|incident| pairing::share_victim(report, incident)) {
            let claimed = format!("{:?} killed", pairing::victim_ids(report));
            found.push(differ("report", "kernel log", "no such kill", &claimed));
        }
    }
    let by_kernel: Vec<Value> = by_kernel.into_iter().cloned().collect();
    found.extend(without_kill::judge(scenario, seen, log, &by_kernel, tier));
    found.extend(no_kill::judge(scenario, seen, log, &by_kernel, tier));
    found.extend(marks::judge(seen, log, &by_kernel));
    found.extend(victims(scenario, seen, log, &reports));
    found.extend(date::judge(seen, &reports));
    found.extend(totals(run, &reports));
    found.extend(rank::judge(scenario, seen, log));
    found.extend(replay::judge(run));
    found
}

/// Checks that the victims are exactly the processes that the OOM killer killed, or user space because of a shortage.
fn victims(
    scenario: &Scenario,
    seen: &Observation,
    log: &[Incident],
    reports: &[Value],
) -> Option<Disagreement> {
    let killed = ground::killed_pids(scenario, seen, log);
    let ids = reports.iter().filter(|report| pairing::claims_kill(report)).flat_map(pairing::victim_ids);
    let told: Vec<u32> = ids.filter_map(|(pid, _)| u32::try_from(pid?).ok()).collect();
    let once: BTreeSet<u32> = told.iter().copied().collect();
    let differs = once != killed || once.len() != told.len();
    differs.then(|| differ("victims", "exit status", &format!("{killed:?}"), &format!("{told:?}")))
}

/// Checks that the line of totals counts the printed reports.
fn totals(run: &TracerRun, reports: &[Value]) -> Vec<Disagreement> {
    let stderr = run.stderr.to_chars();
    let last = stderr.lines().last().unwrap_or_default();
    let victims: usize = reports.iter().map(|report| pairing::victim_ids(report).len()).sum();
    let counts = [("incidents", reports.len()), ("victims", victims), ("lost", 0)];
    let words: Vec<&str> = last.split([' ', ',', ':']).filter(|word| !word.is_empty()).collect();
    let stands = |count: &usize, name: &str| {
        words
            .windows(2)
            .any(|pair| pair.first() == Some(&count.to_string().as_str()) && pair.get(1) == Some(&name))
    };
    let wrong = counts.iter().filter(|(name, count)| !stands(count, name));
    wrong.map(|(name, count)| differ("totals", "reports", &format!("{count} {name}"), last)).collect()
}

/// Checks that the tracer exited normally and in time, without a panic.
fn run_itself(run: &TracerRun, scenario: &Scenario, tier: Tier) -> Vec<Disagreement> {
    let mut found = Vec::new();
    if run.status != Some(Status::Code(0)) {
        found.push(differ("exit status", "scenario", "code 0 on SIGTERM", &format!("{:?}", run.status)));
    }
    let stderr = run.stderr.to_chars();
    if let Some(line) = stderr.lines().find(|line| line.contains("panicked")) {
        found.push(differ("standard error", "scenario", "no panic", line));
    }
    let least = scenario.expect.reports(tier);
    if run.lines_live < least {
        let live = format!("{} before SIGTERM", run.lines_live);
        found.push(differ("live", "scenario", &format!("at least {least} reports"), &live));
    }
    found
}

/// Parses every line as an object of the schema.
fn parse(run: &TracerRun, found: &mut Vec<Disagreement>) -> Vec<Value> {
    let mut reports = Vec::new();
    for line in &run.lines {
        match serde_json::from_slice::<Value>(line.as_bytes()) {
            Ok(report) if report.get("schema").and_then(Value::as_u64) == Some(1) => reports.push(report),
            Ok(other) => found.push(differ("schema", "scenario", "1", &other.to_string())),
            Err(error) => {
                found.push(differ("JSON", "scenario", "one object per line", &format!("{error}: {line}")));
            }
        }
    }
    reports
}

fn differ(field: &str, witness: &'static str, says: &str, report: &str) -> Disagreement {
    Disagreement { field: field.to_owned(), witness, says: says.to_owned(), report: report.to_owned() }
}
