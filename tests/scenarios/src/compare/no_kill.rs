//! Checks shortages without a kill: the log, the counters and the reports.

use serde_json::Value;

use super::Disagreement;
use super::ledger::Ledger;
use super::report::incident::{Case, LOG, SCENARIO};
use crate::job::Tier;
use crate::observation::{Observation, Status};
use crate::scenario::Scenario;
use crate::witness::Incident;

/// Checks, without any tracer, that the scenario caused what it states.
pub(super) fn ground(scenario: &Scenario, seen: &Observation, log: &[Incident]) -> Vec<Disagreement> {
    if !scenario.expect.is_no_kill() {
        return Vec::new();
    }
    let vain = in_vain(log);
    let mut found = counters(scenario, seen, vain);
    if (vain > 0) != (scenario.expect.no_kill_reports > 0) || vain != log.len() {
        let happened = format!("{vain} of {} in the log", log.len());
        found.push(differ("passes in vain", "scenario", &scenario.expect.policy, &happened));
    }
    for run in seen.processes.iter().filter(|run| scenario.expect.ends.contains(&run.role)) {
        if run.status != Some(Status::Code(0)) {
            let (what, happened) = (format!("status of {}", run.role), format!("{:?}", run.status));
            found.push(differ(&what, "scenario", "code 0 after relief", &happened));
        }
    }
    found
}

/// Checks the counters of the cgroup that ran out: no kill, and on v2 at least one `oom` per pass, because it grows before each
/// pass.
fn counters(scenario: &Scenario, seen: &Observation, vain: usize) -> Vec<Disagreement> {
    let limit =
        seen.cgroups.iter().find(|cgroup| Some(&cgroup.path) == scenario.expect.limit_cgroup.as_ref());
    let grown = |name: &str| limit.and_then(|cgroup| cgroup.growth(name));
    let mut found = Vec::new();
    if grown("oom_kill") != Some(0) {
        found.push(differ("oom_kill of the cgroup", "scenario", "0", &format!("{:?}", grown("oom_kill"))));
    }
    if grown("oom").is_some_and(|grown| grown < u64::try_from(vain).unwrap_or(u64::MAX)) {
        let says = format!("at least {vain}");
        found.push(differ("memory.events oom", LOG, &says, &format!("{:?}", grown("oom"))));
    }
    found
}

fn differ(what: &str, witness: &'static str, says: &str, happened: &str) -> Disagreement {
    let field = format!("(outcome) {what}");
    Disagreement { field, witness, says: says.to_owned(), report: happened.to_owned() }
}

/// Checks that each run of empty passes has one correct report. The tracepoint tier reports none, because nothing is marked.
pub(super) fn judge(
    scenario: &Scenario,
    seen: &Observation,
    log: &[Incident],
    reports: &[Value],
    tier: Tier,
) -> Vec<Disagreement> {
    if !scenario.expect.is_no_kill() {
        return Vec::new();
    }
    let (expected, told) = (scenario.expect.reports(tier), reports.len());
    let mut found = Vec::new();
    if told != expected {
        found.push(Disagreement {
            field: "report".to_owned(),
            witness: "scenario",
            says: format!("{expected} of passes that killed no process"),
            report: told.to_string(),
        });
    }
    for report in reports {
        found.extend(of_report(scenario, seen, log, report, tier));
    }
    found
}

/// Checks that this report contains all passes of the scenario. The first pass has a full report in the log, which is not
/// rate-limited if no process can be killed.
fn of_report(
    scenario: &Scenario,
    seen: &Observation,
    log: &[Incident],
    report: &Value,
    tier: Tier,
) -> Vec<Disagreement> {
    let mut ledger = Ledger::new(report, tier, seen.mark_victim_tells_task);
    let Some(first) = log.first() else {
        ledger.write(LOG, "report", "no pass at all", "passes that killed no process");
        return ledger.found;
    };
    let case = Case { scenario, seen, incident: first, follows: true };
    case.frame(&mut ledger, tier);
    case.cause(&mut ledger, tier);
    case.allocation(&mut ledger);
    ledger.same(SCENARIO, "allocation.constraint", scenario.expect.domain.as_str());
    ledger.same(SCENARIO, "domain.kind", scenario.expect.domain.as_str());
    if let Some(limit) = &scenario.expect.limit_cgroup {
        ledger.shows(SCENARIO, "domain.cgroup", limit);
    }
    if let Some(usage) = first.usage {
        ledger.same(LOG, "domain.limit_bytes", usage.limit_bytes);
    }
    if let Some(pages) = case.total_pages() {
        ledger.same(LOG, "domain.total_pages", pages);
    }
    ledger.same(SCENARIO, "selection.policy", scenario.expect.policy.as_str());
    ledger.same(SCENARIO, "selection.outcome", scenario.expect.outcome.as_str());
    ledger.same(LOG, "victims", Value::Array(Vec::new()));
    ledger.same(LOG, "empty_passes.count", in_vain(log));
    ledger.same(LOG, "candidates_total", first.rows.len());
    if let Some(tid) = first.trigger_tid {
        ledger.same(LOG, "trigger.tid", tid);
    }
    let pid = ledger.value("trigger.pid").and_then(Value::as_u64);
    let role = pid.and_then(|pid| case.process(pid)).map(|process| process.role.as_str());
    if !role.is_some_and(|role| scenario.expect.trigger.iter().any(|trigger| trigger == role)) {
        ledger.write(
            SCENARIO,
            "trigger.pid",
            &format!("one of {:?}", scenario.expect.trigger),
            &format!("{pid:?}"),
        );
    }
    ledger.found
}

/// The number of passes that found no process to kill, according to the log.
fn in_vain(log: &[Incident]) -> usize {
    log.iter().filter(|incident| incident.none_killable && incident.kills.is_empty()).count()
}
