//! Shortages without a kill.

use oomtrace_scenarios::compare::judge;
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::observation::Status;
use oomtrace_scenarios::witness::Incident;
use serde_json::{Value, json};

use crate::fixtures::{self, Fixture, altered, fixture, found};

/// The reports of a correct tracer: one of all passes, or none without passes.
pub(crate) fn reports(fixture: &Fixture, log: &[Incident]) -> Vec<Value> {
    let expect = &fixture.scenario.expect;
    let report = |first: &Incident| {
        json!({
            "schema": 1,
            "tier": "fentry",
            "kernel": fixture.seen.release,
            "status": { "complete": true, "lost_frames": 0 },
            "cause": { "code": expect.cause, "confidence": "observed", "summary": "" },
            "selection": { "policy": expect.policy, "outcome": expect.outcome },
            "allocation": fixtures::allocation(first),
            "sysctl": { "oom_kill_allocating_task": 0 },
            "domain": fixtures::domain(fixture, first),
            "trigger": fixtures::trigger(fixture, first),
            "victims": [],
            "candidates_total": first.rows.len(),
            "empty_passes": { "count": log.len(), "last_ns": 1 },
        })
    };
    log.first().map(report).into_iter().collect()
}

#[test]
fn names_each_altered_field() {
    for (pointer, value) in [
        ("/tier", json!("kprobe")),
        ("/status/complete", json!(false)),
        ("/cause/code", json!("global")),
        ("/selection/policy", json!("notifier_freed")),
        ("/selection/outcome", json!("killed")),
        ("/allocation/order", json!(1)),
        ("/allocation/constraint", json!("none")),
        ("/domain/cgroup", json!("/")),
        ("/domain/limit_bytes", json!(1)),
        ("/domain/total_pages", json!(1)),
        ("/trigger/pid", json!(1)),
        ("/trigger/tid", json!(1)),
        ("/candidates_total", json!(9)),
        ("/empty_passes/count", json!(1)),
        ("/empty_passes", Value::Null),
    ] {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        let named = altered("5.10-unkillable", pointer, value);
        assert!(named.iter().any(|name| name.starts_with(&field)), "{pointer}: {named:?}");
    }
}

#[test]
fn requires_one_report_of_all_passes() {
    let fixture = fixture("5.10-unkillable");
    let honest = fixture.honest();
    let named = |reports: &[Value]| -> Vec<String> {
        found(&fixture, reports).into_iter().map(|found| found.field).collect()
    };
    assert_eq!(named(&honest), [""; 0]);
    assert_eq!(named(&[]), ["live", "report"]);
    let twice = named(&[honest[0].clone(), honest[0].clone()]);
    assert_eq!(twice, ["empty_passes.count", "reports without a victim", "report"]);
    let on_tracepoints = fixture.with_reports(&[]);
    assert_eq!(judge(&fixture.scenario, &on_tracepoints, Some(Tier::Tracepoint)), []);
}

#[test]
fn requires_no_report_if_tasks_sleep() {
    let (asleep, stuck) = (fixture("6.1-v1_oom_kill_disable"), fixture("5.10-unkillable"));
    assert_eq!(found(&asleep, &[]), []);
    let named: Vec<String> = found(&asleep, &stuck.honest()).into_iter().map(|found| found.field).collect();
    assert_eq!(named, ["kernel", "domain.cgroup", "selection.policy", "report", "report"]);
}

#[test]
fn detects_a_scenario_in_which_a_process_dies() {
    let named = |alter: fn(&mut Fixture)| -> Vec<String> {
        let mut fixture = fixture("5.10-unkillable");
        alter(&mut fixture);
        judge(&fixture.scenario, &fixture.seen, None).into_iter().map(|found| found.field).collect()
    };
    let allocator = |fixture: &mut Fixture| fixture.seen.processes[1].status = Some(Status::Code(1));
    assert_eq!(named(allocator), ["(outcome) status of allocator"]);
    let counted = |fixture: &mut Fixture| {
        fixture.seen.cgroups[0].after.insert("oom_kill".to_owned(), 1);
        fixture.seen.cgroups[0].after.insert("oom".to_owned(), 1);
    };
    assert!(named(counted).ends_with(&[
        "(outcome) oom_kill of the cgroup".to_owned(),
        "(outcome) memory.events oom".to_owned()
    ]));
    assert_eq!(named(|fixture| fixture.seen.log.clear()), ["(outcome) passes in vain"]);
}
