//! The text of a scrape.

use std::{collections::BTreeSet, sync::Arc};

use super::{Machine, Metrics};
use crate::{
    explain::{Code, Outcome, Policy},
    kernel::tier::Tier,
    pipeline::Progress,
    recording::recorder::{Place, Recorder},
    report::Report,
    server::facts::Facts,
    sink::terminal::example,
};

fn machine() -> Machine {
    Machine::new(Tier::Fentry, Arc::new(Progress::default()), None)
}

fn metrics() -> Metrics {
    Metrics::new(machine(), Vec::new())
}

fn text_of(reports: &[Report]) -> String {
    let metrics = metrics();
    reports.iter().for_each(|report| metrics.count(&Facts::of(report)));
    metrics.text().unwrap()
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|known| known == line), "no `{line}` in\n{text}");
}

#[test]
fn counts_kills_by_cause_policy_and_domain() {
    let text = text_of(&[example::memcg_kill(), example::memcg_kill(), example::tracepoint_kill()]);
    has(&text, r#"oomtrace_kills_total{cause="memcg_limit",policy="badness",domain="memcg"} 2"#);
    has(&text, r#"oomtrace_victims_total{cause="memcg_limit",role="chosen"} 3"#);
    has(&text, r#"oomtrace_tier_info{tier="fentry"} 1"#);
    has(&text, "# TYPE oomtrace_recovery_seconds histogram");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn counts_passes_without_a_kill_separately() {
    let mut report = example::memcg_kill();
    report.victims.clear();
    report.selection.outcome = Some(Outcome::NoKill);
    report.selection.policy = Some(Policy::NoneKillable);
    report.empty_passes = Some(crate::report::EmptyPasses { count: 40, last_ns: 1 });
    let text = text_of(&[report]);
    has(&text, r#"oomtrace_decisions_without_kill_total{cause="memcg_limit"} 1"#);
    has(&text, "oomtrace_empty_passes_total 40");
    assert!(!text.contains("oomtrace_kills_total{"), "{text}");
}

#[test]
fn does_not_count_a_marked_process_as_killed() {
    let mut report = example::memcg_kill();
    report.selection.outcome = Some(Outcome::MarkedOnly);
    let text = text_of(&[report]);
    has(&text, r#"oomtrace_victims_total{cause="memcg_limit",role="chosen"} 1"#);
    assert!(
        !text.contains("oomtrace_kills_total{") && !text.contains("container_oom_events_total{"),
        "{text}"
    );
}

#[test]
fn container_has_the_labels_of_cadvisor() {
    let mut report = example::memcg_kill();
    report.victims[0].process.cgroup = Some("/kubepods/pod7".into());
    let line = r#"container_oom_events_total{container="",id="/kubepods/pod7",image="",name="",namespace="",pod=""} 1"#;
    has(&text_of(&[report.clone()]), line);
    report.cause.code = Code::Userspace;
    let text = text_of(&[report]);
    assert!(!text.contains("container_oom_events_total{"), "{text}");
}

/// The metrics of a run that the documentation lists, by the name that Prometheus shows.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../../docs/metrics.md");
    let (_, table) = page.split_once("## What there is").unwrap();
    let rows =
        table.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| Some(row.split('`').nth(1)?.to_owned())).collect()
}

#[test]
fn documentation_lists_exactly_the_exported_metrics() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::File(directory.path().join("oom.oomtrace"));
    let recorder = Recorder::start(place, Box::new(|_| {})).unwrap();
    let (queue, _) = crate::server::feed::queue("--metrics", 1);
    let machine = Machine { recorder: Some(recorder.kept()), runs: Some(Arc::default()), ..machine() };
    let metrics = Metrics::new(machine, vec![queue.dropped()]);
    // A family without a value is not shown.
    let mut without_kill = example::memcg_kill();
    without_kill.victims.clear();
    [example::memcg_kill(), without_kill].iter().for_each(|report| metrics.count(&Facts::of(report)));
    let text = metrics.text().unwrap();
    let shown = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(|line| {
        let (name, kind) = line.split_once(' ').unwrap();
        match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        }
    });
    assert_eq!(shown.collect::<BTreeSet<String>>(), documented());
}
