//! The comparison must detect errors even where the log says little: threads, shared memory, marks without a kill, empty
//! passes.

use oomtrace_scenarios::compare::judge;
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::observation::Mark;
use oomtrace_scenarios::witness;
use serde_json::{Value, json};

use crate::fixtures::{Fixture, fixture};

/// The fields named when the fixture's correct reports are changed.
fn named(name: &str, change: impl Fn(&mut Vec<Value>)) -> Vec<String> {
    named_of(&fixture(name), change)
}

fn named_of(fixture: &Fixture, change: impl Fn(&mut Vec<Value>)) -> Vec<String> {
    let mut reports = fixture.honest();
    change(&mut reports);
    let found = judge(&fixture.scenario, &fixture.with_reports(&reports), Some(Tier::Fentry));
    found.into_iter().map(|found| found.field).collect()
}

fn set(pointer: &'static str, value: Value) -> impl Fn(&mut Vec<Value>) {
    move |reports| *reports[0].pointer_mut(pointer).unwrap() = value.clone()
}

#[test]
fn rejects_a_thread_as_a_process() {
    let worker = fixture("7.3-dead_leader").honest()[0]["victims"][0]["tid"].clone();
    let fields = named("7.3-dead_leader", set("/victims/0/pid", worker));
    assert!(
        fields.contains(&"victims.0.pid".to_owned()) && fields.contains(&"victims".to_owned()),
        "{fields:?}"
    );
    let fields = named("5.10-dead_leader", set("/victims/0/comm", json!("hog")));
    assert_eq!(fields, ["victims.0.comm"]);
    let fields = named("5.10-dead_leader", set("/victims/0/score/base_pages", Value::Null));
    assert_eq!(fields, ["victims.0.score.base_pages"]);
}

#[test]
fn a_process_that_shares_the_memory_is_a_victim_but_not_chosen() {
    for name in ["5.10-shared_mm", "7.3-shared_mm"] {
        let fields = named(name, |reports| drop(reports[0]["victims"].as_array_mut().unwrap().pop()));
        assert_eq!(fields, ["victims", "victims"], "{name}");
        let fields = named(name, set("/victims/1/role", json!("chosen")));
        assert_eq!(fields, ["victims.1.role", "(report 0) victims.tid"], "{name}");
        assert_eq!(named(name, set("/victims/1/comm", json!("pig"))), ["victims.1.comm"], "{name}");
        assert_eq!(named(name, set("/victims/1/cgroup", json!("/"))), ["victims.1.cgroup"], "{name}");
    }
}

#[test]
fn requires_a_report_of_a_mark_without_a_kill() {
    let name = "7.3-dying_trigger";
    assert_eq!(named(name, Vec::clear), ["victims"]);
    assert_eq!(named(name, set("/selection/policy", json!("badness"))), ["selection.policy"]);
    assert!(named(name, set("/selection/outcome", json!("killed"))).contains(&"report".to_owned()));
    assert!(
        named(name, set("/selection/outcome", json!("no_kill"))).contains(&"selection.outcome".to_owned())
    );
    assert_eq!(named(name, set("/domain/cgroup", json!("/"))), ["domain.cgroup"]);
    assert_eq!(named(name, set("/cause/code", json!("global"))), ["cause.code"]);
    let sent = named(name, set("/victims/0/aftermath/sigkill_ns", json!(1)));
    assert_eq!(sent, ["victims.0.aftermath.sigkill_ns"]);
    assert_eq!(named(name, set("/marks", json!(2))), ["marks"]);
}

#[test]
fn names_an_invented_mark() {
    let mut quiet = fixture("7.3-dying_trigger");
    let told = quiet.honest();
    quiet.seen.marks = Some(Vec::new());
    let fields = named_of(&quiet, |reports| *reports = told.clone());
    assert_eq!(fields, ["victims.0.tid", "(report 0) victims.tid", "marks"]);
}

#[test]
fn requires_the_kernels_number_of_passes() {
    let name = "5.10-lowered";
    assert_eq!(named(name, set("/empty_passes/count", json!(1))), ["empty_passes.count"]);
    assert_eq!(named(name, set("/empty_passes/count", json!(8000))), ["empty_passes.count"]);
    assert_eq!(named("7.3-lowered", set("/empty_passes/count", json!(3))), ["empty_passes.count"]);
}

/// Makes a report of passes that killed no process.
fn nobody(policy: &str, gfp_mask: &str) -> impl Fn(&mut Vec<Value>) {
    let (policy, gfp_mask) = (policy.to_owned(), gfp_mask.to_owned());
    move |reports| {
        let mut report = reports[0].clone();
        report["selection"] = json!({ "policy": policy, "outcome": "no_kill" });
        report["allocation"]["gfp_mask"] = json!(gfp_mask);
        (report["victims"], report["marks"]) = (json!([]), json!(0));
        report["empty_passes"] = json!({ "count": 1 });
        reports.push(report);
    }
}

#[test]
fn a_decision_without_a_kill_needs_a_witness() {
    assert_eq!(named("5.10-oom_group", nobody("none_killable", "0xcc0"))[0], "selection.policy");
    // The log contains such an ending, but two reports of it are one too many.
    let without_count = |reports: &mut Vec<Value>| reports[0]["empty_passes"] = json!({ "count": 0 });
    let once = named("7.3-lowered", |reports| {
        without_count(reports);
        nobody("none_killable", "0xcc0")(reports);
    });
    assert_eq!(once, [""; 0]);
    let twice = named("7.3-lowered", |reports| {
        without_count(reports);
        nobody("none_killable", "0xcc0")(reports);
        nobody("none_killable", "0xcc0")(reports);
    });
    assert_eq!(twice, ["reports without a victim"]);
    assert_eq!(named("7.3-lowered", nobody("badness", "0xcc0"))[0], "selection.policy");
}

#[test]
fn accepts_gfp_nofs_only_for_the_machine() {
    let may_not = |reports: &mut Vec<Value>| {
        nobody("gfp_nofs", "0xc00")(reports);
        reports[1]["cause"]["confidence"] = json!("inferred");
    };
    assert_eq!(named("7.3-global", may_not), [""; 0]);
    assert_eq!(named("7.3-global", nobody("gfp_nofs", "0xc00")), ["cause.confidence"]);
    assert_eq!(named("7.3-global", nobody("gfp_nofs", "0xcc0")), ["selection.policy"]);
    assert_eq!(named("7.3-cgroup", may_not), ["allocation.gfp_mask", "empty_passes.count"]);
}

#[test]
fn requires_the_scope_of_a_group() {
    for name in ["5.10-far_limit", "7.3-far_limit"] {
        let evidence = json!(["mem_cgroup_get_oom_group returned /far"]);
        assert_eq!(named(name, set("/cause/evidence", evidence)), ["cause.evidence"], "{name}");
        let group = named(name, set("/domain/chain/0/oom_group", json!(true)));
        assert_eq!(group, ["domain.chain.oom_group"], "{name}");
    }
}

#[test]
fn requires_equal_scores_and_the_choice_of_the_last() {
    let honest = fixture("7.3-equal_scores");
    let altered = |alter: &dyn Fn(&str) -> Option<String>| {
        let mut fixture = fixture("7.3-equal_scores");
        fixture.seen.log = fixture.seen.log.iter().filter_map(|line| alter(line)).collect();
        let found = judge(&fixture.scenario, &fixture.seen, None);
        found.into_iter().map(|found| found.field).collect::<Vec<_>>()
    };
    let pid = |role: &str| honest.seen.processes.iter().find(|run| run.role == role).unwrap().pid;
    let row = format!("[{:>7}]", pid("first"));
    let without_first = altered(&|line| (!line.contains(&row)).then(|| line.to_owned()));
    assert_eq!(without_first, ["(outcome) tasks with the most points"]);
    let (third, second) = (format!("pid={},", pid("third")), format!("pid={},", pid("second")));
    let other_chosen = altered(&|line| Some(line.replace(&third, &second)));
    assert_eq!(other_chosen, ["(outcome) the chosen one"]);
}

/// A second decision of 7.3, whose chosen task gave up its memory while the kernel wrote the log.
const EXITING: [&str; 4] = [
    "4,900,90000000,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    "4,901,90000010,-;CPU: 0 UID: 0 PID: 413 Comm: hog Not tainted 7.3.4+deb13-cloud-arm64 #1 PREEMPTLAZY  Debian 7.3.4-1~bpo13+1 ",
    "4,902,90000020,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/limit,task_memcg=/limit,task=a) b,pid=412,uid=0",
    "4,903,90000030,-;Memory cgroup out of memory: OOM victim 412 (a) b) is already exiting. Skip killing the task",
];

#[test]
fn a_chosen_task_without_memory_is_neither_killed_nor_marked() {
    let mut fixture = fixture("7.3-cgroup");
    let killed = witness::read(&fixture.seen.log)[0].kills[0].pid;
    fixture.seen.marks = Some(vec![Mark { tid: killed, by_tid: killed }]);
    fixture.seen.log.extend(EXITING.map(str::to_owned));
    let second = witness::read(&fixture.seen.log).pop().unwrap();
    assert_eq!((second.exiting, second.kills.len()), (Some(412), 0));
    let told = |tid: u32, policy: &'static str| {
        let report = exiting(&fixture, tid, policy);
        named_of(&fixture, |reports| reports.push(report.clone()))
    };
    let honest = told(412, "already_exiting");
    let policy = told(412, "none_killable");
    let other = told(413, "already_exiting");
    let new = |fields: &[String]| -> Vec<String> {
        fields.iter().filter(|field| !honest.contains(field)).cloned().collect()
    };
    assert!(!honest.iter().any(|field| field.contains("policy") || field.contains("victims")), "{honest:?}");
    assert_eq!(new(&policy), ["selection.policy"]);
    assert_eq!(new(&other), ["selection.policy", "(report 1) victims.tid"]);
}

fn exiting(fixture: &Fixture, tid: u32, policy: &str) -> Value {
    let mut report = fixture.honest().remove(0);
    report["selection"] = json!({ "policy": policy, "outcome": "no_kill" });
    report["victims"] = json!([{ "pid": tid, "tid": tid, "role": "chosen" }]);
    report["marks"] = json!(0);
    report
}
