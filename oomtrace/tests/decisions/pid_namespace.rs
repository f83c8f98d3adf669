//! The kernel kills the init of a pid namespace, and the other processes of the namespace die with it.

use oomtrace::{
    explain::{Outcome, Policy},
    incident::Role,
    report::{ClosedBy, Report},
};
use oomtrace_common::event::{MarkVictim, Sigkill, Task};

use crate::stream::{LIMIT, MEMCG, MS, PODS, S, Stream, sigkill_of, task};

const MESSAGE: &str = "Memory cgroup out of memory";

/// The init of a pid namespace.
fn init(pid: i32) -> Task {
    Task { ns_pid: 1, ..task(pid) }
}

/// A pass that kills this process, and the exit of the process.
fn killed(victim: Task) -> Stream {
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(victim, PODS).kill(victim, victim, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(victim.pid);
    stream
}

fn victims(report: &Report) -> Vec<(Option<i32>, Role)> {
    report.victims.iter().map(|victim| (victim.process.pid, victim.role)).collect()
}

#[test]
fn the_namespace_dies_with_its_init() {
    let mut stream = killed(init(812));
    stream.later(300 * MS).sigkill(950, 812).sigkill(951, 812).looked_up(950).tick(101 * MS);
    let told = stream.told();
    let report = told.only();
    let expected =
        [(Some(812), Role::Chosen), (Some(950), Role::PidNamespace), (Some(951), Role::PidNamespace)];
    assert_eq!(victims(report), expected);
    assert_eq!((report.status.closed_by, report.status.complete), (Some(ClosedBy::Kernel), true));
    assert_eq!(
        (report.selection.policy, report.selection.outcome),
        (Some(Policy::Badness), Some(Outcome::Killed))
    );
    assert!(
        report.cause.summary.contains("the init of a pid namespace, so 2 more processes died"),
        "{}",
        report.cause.summary
    );
    let along = &report.victims[1];
    assert!(along.aftermath.sigkill_ns.is_some_and(|ns| ns > 300 * MS));
    assert_eq!((along.score, along.memory, along.aftermath.exit_ns), (None, None, None));
    assert_eq!(along.process.cgroup.as_ref().unwrap().as_bytes(), b"/pods/app");
    assert_eq!(along.process.cmdline.as_ref().unwrap().len(), 2);
    assert_eq!(told.decided.len(), 1);
    assert_eq!(told.decided[0].victims.len(), 1, "the decision is reported before its consequences");
}

#[test]
fn waits_three_seconds_for_the_processes_of_a_lone_init() {
    let mut stream = killed(init(812));
    assert_eq!(stream.clone().tick(2999 * MS).told().only().status.closed_by, Some(ClosedBy::EndOfStream));
    let told = stream.tick(3001 * MS).told();
    assert_eq!((told.only().status.closed_by, told.only().victims.len()), (Some(ClosedBy::Kernel), 1));
    assert_eq!(killed(task(812)).told().only().status.closed_by, Some(ClosedBy::Kernel), "no init: at once");
}

#[test]
fn only_processes_killed_by_the_init_die_with_it() {
    // Another sender, a sender that is no init, and a target that was already dying.
    let dying = |stream: &mut Stream| {
        stream.add(Sigkill { sender_pid: 812, sender_tid: 812, result: 1, ..sigkill_of(950) });
    };
    let mut other = killed(init(812));
    other.sigkill(950, 700);
    let mut tracer = killed(task(812));
    tracer.sigkill(950, 812);
    let mut late = killed(init(812));
    dying(&mut late);
    for stream in [other, tracer, late] {
        assert_eq!(victims(stream.told().only()), [(Some(812), Role::Chosen)]);
    }
}

#[test]
fn a_member_that_shares_the_memory_or_the_group_keeps_its_role() {
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(init(812), PODS).kill(init(812), init(812), MESSAGE, MEMCG, LIMIT).sigkill(950, 812);
    stream.leave(1, 1).exit(812).sigkill(950, 812).sigkill(951, 812);
    let expected = [(Some(812), Role::Chosen), (Some(950), Role::SharedMm), (Some(951), Role::PidNamespace)];
    assert_eq!(victims(stream.told().only()), expected);
}

#[test]
fn the_namespace_of_a_dying_init_does_not_turn_a_mark_into_a_kill() {
    let init = init(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(init, PODS).add(MarkVictim { victim: init, trigger: init }).leave(0, 1);
    stream.exit(812).sigkill(950, 812);
    let told = stream.told();
    assert_eq!(told.only().selection.outcome, Some(Outcome::MarkedOnly));
    assert_eq!(victims(told.only()), [(Some(812), Role::Chosen), (Some(950), Role::PidNamespace)]);
}

#[test]
fn on_tracepoints_the_init_must_exit_before_its_namespace_dies() {
    let init = init(812);
    let mut stream = Stream::new("tracepoint");
    stream.sigkill(812, 812).tree().add(MarkVictim { victim: init, trigger: init }).looked_up(812);
    let mut before = stream.clone();
    before.sigkill(950, 812).exit(812).tick(4 * S);
    assert_eq!(victims(before.told().only()), [(Some(812), Role::Chosen)], "it may share memory");
    stream.exit(812).sigkill(950, 812).tick(S);
    let told = stream.told();
    assert_eq!(victims(told.only()), [(Some(812), Role::Chosen), (Some(950), Role::PidNamespace)]);
    assert_eq!(told.only().selection.outcome, Some(Outcome::Killed));
    assert_eq!(told.only().status.closed_by, Some(ClosedBy::Kernel));
}
