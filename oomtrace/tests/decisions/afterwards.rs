//! What became of the victim's cgroup.

use oomtrace::{
    context::{Afterwards, Restarted},
    report::Report,
};
use oomtrace_common::{event::MarkVictim, frame::Kind};

use crate::stream::{APP, LIMIT, MEMCG, MS, OTHER, PODS, S, Stream, task};

/// A kill of a process in `/pods/app`, and what its cgroup was found to be 0.8 s later.
fn found(told: &Afterwards) -> Report {
    let victim = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(victim, PODS).kill(victim, victim, "Memory cgroup out of memory", MEMCG, LIMIT);
    let pass = stream.pass;
    stream.leave(1, 1).exit(812).later(800 * MS).pass = pass;
    stream.context(Kind::Afterwards, told).pass = 0;
    stream.tick(2 * S).told().only().clone()
}

#[test]
fn a_command_that_runs_again_is_named() {
    let start_boot_ns = Stream::new("fentry").now + 200 * MS;
    let process = Restarted { pid: 900, comm: "job".into(), start_boot_ns };
    let report =
        found(&Afterwards { victim_pid: Some(812), memcg: APP, removed: true, restarted: Some(process) });
    let afterwards = report.afterwards.unwrap();
    let restarted = afterwards.restarted.unwrap();
    assert!(afterwards.cgroup_removed);
    assert_eq!((restarted.pid, restarted.after_ns), (900, start_boot_ns - report.boot_ns));
    assert!(report.cause.summary.contains("; job was started again after "), "{}", report.cause.summary);
}

#[test]
fn a_removed_cgroup_is_named() {
    let report = found(&Afterwards { victim_pid: Some(812), memcg: APP, removed: true, restarted: None });
    assert!(report.cause.summary.contains("; its cgroup was then removed"), "{}", report.cause.summary);
    let report = found(&Afterwards { victim_pid: Some(812), memcg: APP, removed: false, restarted: None });
    assert!(report.afterwards.is_some());
    assert!(!report.cause.summary.contains("removed"), "{}", report.cause.summary);
}

#[test]
fn another_cgroup_says_nothing_about_the_victims() {
    let report = found(&Afterwards { victim_pid: Some(812), memcg: OTHER, removed: true, restarted: None });
    assert_eq!(report.afterwards, None);
}

/// Without passes, only the process id shows which of two victims in one cgroup a look belongs to.
#[test]
fn two_victims_of_a_cgroup_are_not_mixed_up() {
    let mut stream = Stream::new("tracepoint");
    let (first, second) = (task(812), task(813));
    for victim in [first, second] {
        stream.sigkill(victim.pid, victim.tid).add(MarkVictim { victim, trigger: victim }).exit(victim.pid);
        stream.later(300 * MS);
    }
    let start_boot_ns = stream.now;
    let process = Restarted { pid: 900, comm: "job".into(), start_boot_ns };
    let told = Afterwards { victim_pid: Some(812), memcg: APP, removed: false, restarted: Some(process) };
    stream.later(200 * MS).context(Kind::Afterwards, &told);
    let reports = stream.tick(3 * S).told().closed;
    let of = |pid: i32| reports.iter().find(|report| report.victims[0].process.pid == Some(pid)).unwrap();
    assert!(of(812).afterwards.is_some());
    assert_eq!(of(813).afterwards, None);
}
