//! The ballot of a correct tracer, made from the log's table, and the comparison's findings about altered ballots.

use oomtrace_scenarios::compare::judge;
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::witness::{Incident, Message, Row};
use serde_json::{Value, json};

use crate::fixtures::{self, Fixture, fixture, process, shown, total_pages};

/// The kernel's points and the position in the kernel's order.
fn scored(fixture: &Fixture, incident: &Incident) -> Vec<(Option<i64>, usize)> {
    let per_unit = i64::try_from(total_pages(fixture, incident) / 1000).unwrap();
    let points = |row: &Row| {
        let base = i64::try_from(row.base_pages(4096)).unwrap();
        (row.oom_score_adj != -1000).then(|| base + i64::from(row.oom_score_adj) * per_unit)
    };
    let mut scored: Vec<_> =
        incident.rows.iter().enumerate().map(|(place, row)| (points(row), place)).collect();
    scored.sort();
    scored.reverse();
    scored
}

fn was_evaluated(incident: &Incident) -> bool {
    incident.kills[0].message != Message::AllocatingTask
}

/// The rows, best first. On the whole machine, init is one of them.
pub(crate) fn candidates(fixture: &Fixture, incident: &Incident) -> Option<Vec<Value>> {
    let row =
        |(points, place): (Option<i64>, usize)| candidate(fixture, incident, points, &incident.rows[place]);
    let rows = scored(fixture, incident).into_iter().map(row);
    let init =
        (kernel_threads(fixture) > 0).then(|| json!({ "pid": 1, "passed_over": "init", "chosen": false }));
    was_evaluated(incident).then(|| rows.chain(init).collect())
}

fn candidate(fixture: &Fixture, incident: &Incident, points: Option<i64>, row: &Row) -> Value {
    let per_unit = i64::try_from(total_pages(fixture, incident) / 1000).unwrap();
    json!({
        "pid": row.tgid,
        "comm": shown(&row.comm),
        "uid": row.uid,
        "cgroup": process(fixture, row.tgid).map_or_else(|| json!("/"), |process| shown(&process.cgroup_path())),
        "points": points,
        "rss_pages": row.rss_pages,
        "anon_pages": row.rss_pages,
        "file_pages": 0,
        "shmem_pages": 0,
        "swap_pages": row.swap_pages,
        "pgtables_pages": row.pgtables_bytes / 4096,
        "oom_score_adj": row.oom_score_adj,
        "adj_pages": i64::from(row.oom_score_adj) * per_unit,
        "difference_pages": points.map(|_| 0),
        "passed_over": points.is_none().then_some("oom_score_adj_min"),
        "oom_flag_origin": false,
        "chosen": row.pid == incident.kills[0].pid,
    })
}

pub(crate) fn kernel_threads(fixture: &Fixture) -> u32 {
    if fixture.scenario.expect.domain == "memcg" { 0 } else { 57 }
}

pub(crate) fn total(fixture: &Fixture, incident: &Incident) -> u64 {
    let rows = candidates(fixture, incident).map_or(0, |rows| rows.len());
    u64::try_from(rows).unwrap() + u64::from(kernel_threads(fixture))
}

/// The difference in points between the first two rows, and the process id of the second.
pub(crate) fn margin(fixture: &Fixture, incident: &Incident) -> Option<(i64, u32)> {
    match scored(fixture, incident).as_slice() {
        [(Some(best), _), (Some(next), place), ..] if was_evaluated(incident) => {
            Some((best - next, incident.rows[*place].tgid))
        }
        _ => None,
    }
}

/// The findings about a run whose first report is altered.
fn named(name: &str, alter: impl Fn(&mut Value)) -> Vec<String> {
    let fixture = fixture(name);
    let mut reports = fixture.honest();
    alter(&mut reports[0]);
    let found = judge(&fixture.scenario, &fixture.with_reports(&reports), Some(Tier::Fentry));
    found.into_iter().map(|found| found.field).collect()
}

#[test]
fn names_a_missing_table_or_row() {
    assert_eq!(named("7.3-cgroup", |report| report["candidates"] = Value::Null), ["candidates"]);
    for name in ["5.10-parent", "6.1-parent", "7.3-parent"] {
        let told = named(name, |report| drop(report["candidates"].as_array_mut().unwrap().pop()));
        let expected = ["candidates_total", "selection.margin_points", "candidates.pid"];
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn requires_the_kernels_order() {
    let told = named("5.10-parent", |report| report["candidates"].as_array_mut().unwrap().reverse());
    for field in ["candidates.0.pid", "candidates.0.points", "candidates.chosen", "candidates"] {
        assert!(told.contains(&field.to_owned()), "{field}: {told:?}");
    }
    let twice = named("5.10-parent", |report| report["candidates"][1]["chosen"] = json!(true));
    assert_eq!(twice, ["candidates.chosen"]);
}

/// Two rows of the table have the same sum: the kernel chose the later one.
#[test]
fn the_later_of_equal_rows_comes_first() {
    let mut fixture = fixture("6.12-global");
    let first = fixture.seen.log.iter().position(|line| line.contains("[    128]")).unwrap();
    let twin = fixture.seen.log[first].replace("[    128]", "[    127]").replace("   128  ", "   127  ");
    fixture.seen.log.insert(first, twin);
    let mut small = fixture.seen.processes[0].clone();
    small.pid = 127;
    fixture.seen.processes.push(small);
    let mut reports = fixture.honest();
    let told =
        |reports: &[Value]| judge(&fixture.scenario, &fixture.with_reports(reports), Some(Tier::Fentry));
    assert_eq!(reports[0]["candidates"][1]["pid"], 128);
    assert_eq!(told(&reports), []);
    reports[0]["candidates"].as_array_mut().unwrap().swap(1, 2);
    let named: Vec<String> = told(&reports).into_iter().map(|found| found.field).collect();
    assert_eq!(named, ["candidates", "selection.runner_up_pid"]);
}

#[test]
fn unkillable_tasks_have_a_reason_and_no_points() {
    for name in ["5.10-oom_group", "6.12-oom_group", "7.3-oom_group"] {
        let last = |report: &mut Value, key: &str, value: Value| report["candidates"][3][key] = value;
        let told = named(name, |report| last(report, "passed_over", json!("in_vfork")));
        assert_eq!(told, ["candidates.3.passed_over"], "{name}");
        assert_eq!(
            named(name, |report| last(report, "passed_over", Value::Null)),
            ["candidates.3.passed_over"]
        );
        let told = named(name, |report| last(report, "points", json!(0)));
        assert!(told.contains(&"candidates.3.points".to_owned()), "{told:?}");
    }
}

#[test]
fn rejects_a_task_that_is_missing_from_the_table() {
    for name in ["5.10-global", "6.12-global", "7.3-global"] {
        let told = named(name, |report| report["candidates"][2]["passed_over"] = json!("oom_skip"));
        assert_eq!(told, ["candidates.2.pid"], "{name}");
        let told = named(name, |report| report["candidates"][2]["points"] = json!(-9));
        assert_eq!(told, ["candidates.2.points"], "{name}");
    }
}

#[test]
fn rejects_a_ballot_that_no_tier_or_policy_can_see() {
    let made_up = |report: &mut Value| report["candidates"] = json!([]);
    assert_eq!(named("7.3-global_allocating", made_up), ["candidates"]);
    let fixture = fixture("7.3-cgroup");
    let mut reports = fixture.honest();
    reports[0]["tier"] = json!("tracepoint");
    reports[0]["cause"]["confidence"] = json!("inferred");
    let found = judge(&fixture.scenario, &fixture.with_reports(&reports), Some(Tier::Tracepoint));
    assert_eq!(found.iter().map(|found| found.field.as_str()).collect::<Vec<_>>(), ["candidates"]);
}

#[test]
fn requires_points_to_be_the_sum_of_their_parts() {
    for fixture in fixtures::all().iter().filter(|fixture| fixture.name.ends_with("global")) {
        let told = named(&fixture.name, |report| report["candidates"][1]["anon_pages"] = json!(1));
        assert_eq!(told, ["candidates.1.rss_pages"], "{}", fixture.name);
    }
}
