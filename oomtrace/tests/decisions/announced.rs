//! Kills that their sender announced.

use oomtrace::{
    context::{Prekill, PrekillProcess, Snapshot},
    explain::{Code, Confidence},
    report::Report,
};
use oomtrace_common::frame::Kind;

use crate::{
    stream::{APP, MS, OTHER, PODS, ROOT, S, Stream, level, task},
    userspace::{calm, kill, sender, user_kill},
};

const LITTLE: u64 = 10;

/// An announcement of process 700 at the current time of the stream.
fn announcement(stream: &Stream, memcg: u64) -> Prekill {
    Prekill {
        announced_ns: stream.now,
        cgroup: "/pods/app".into(),
        memcg: Some(memcg),
        pid: Some(700),
        comm: Some("systemd-oomd".into()),
        snapshot: None,
    }
}

/// What follows the announcement of a cgroup: after this time, process 700 kills in `/pods/app`, and memory is not short.
fn followed(told: impl FnOnce(&mut Prekill), after_ns: u64) -> Vec<Report> {
    let mut stream = Stream::new("fentry");
    let mut prekill = announcement(&stream, APP);
    told(&mut prekill);
    stream.context(Kind::Prekill, &prekill).later(after_ns);
    kill(&mut stream, user_kill(task(900), sender(700, b"anything")), LITTLE, &calm());
    stream.tick(S).told().closed
}

#[test]
fn an_announced_kill_is_reported_without_a_claim_that_memory_was_short() {
    let reports = followed(|_| {}, 5 * MS);
    let [report] = reports.as_slice() else { panic!("{} reports", reports.len()) };
    assert_eq!((report.cause.code, report.cause.confidence), (Code::Userspace, Confidence::Observed));
    let prekill = report.prekill.as_ref().unwrap();
    assert_eq!((prekill.pid, prekill.before_ns / MS), (Some(700), 5));
    assert_eq!((&prekill.cgroup, &prekill.snapshot), (&"/pods/app".into(), &None));
    let summary = &report.cause.summary;
    assert!(summary.ends_with("; it had announced a kill of /pods/app"), "{summary}");
    assert!(!summary.contains("short of memory"), "{summary}");
    assert_eq!((report.domain.kind, &report.domain.cgroup), (None, &None));
    assert!(
        report.cause.evidence[1].starts_with("systemd-oomd had announced 5 ms before"),
        "{:?}",
        report.cause
    );
    assert_eq!(report.cause.evidence[2], "no figure that was read shows a shortage of memory");
}

#[test]
fn a_shortage_that_figures_show_is_named_with_the_announcement() {
    let mut stream = Stream::new("fentry");
    let prekill = announcement(&stream, PODS);
    stream.context(Kind::Prekill, &prekill);
    let mut short = calm();
    short["available_bytes"] = 20.into();
    kill(&mut stream, user_kill(task(900), sender(700, b"systemd-oomd")), LITTLE, &short);
    let told = stream.tick(S).told();
    let report = told.only();
    assert!(
        report.cause.summary.contains(" when the machine was short of memory"),
        "{}",
        report.cause.summary
    );
    assert_eq!(report.domain.kind, Some("system"));
    assert!(report.prekill.is_some(), "a cgroup above the victim's was announced");
}

#[test]
fn an_announcement_belongs_to_its_sender_its_cgroup_and_its_time() {
    for (what, reports) in [
        ("another cgroup", followed(|told| told.memcg = Some(OTHER), MS)),
        ("no cgroup", followed(|told| told.memcg = None, MS)),
        ("another sender", followed(|told| told.pid = Some(701), MS)),
        ("a sender whose pid is not known", followed(|told| told.pid = None, MS)),
        ("too late", followed(|_| {}, 31 * S)),
        ("before the announcement", followed(|told| told.announced_ns += S, MS)),
    ] {
        assert_eq!(reports.len(), 0, "{what}: there is no other reason to report this kill");
    }
    assert_eq!(followed(|told| told.memcg = Some(ROOT), MS).len(), 1, "a cgroup above");
    assert_eq!(followed(|_| {}, 29 * S).len(), 1, "in time");
}

#[test]
fn a_snapshot_that_comes_later_is_added() {
    let process =
        |pid, comm: &str| PrekillProcess { pid, comm: Some(comm.into()), rss_bytes: 4096, cmdline: None };
    let mut stream = Stream::new("fentry");
    let mut prekill = announcement(&stream, APP);
    stream.context(Kind::Prekill, &prekill).later(MS);
    kill(&mut stream, user_kill(task(900), sender(700, b"systemd-oomd")), LITTLE, &calm());
    prekill.snapshot = Some(Snapshot {
        from_ns: prekill.announced_ns + 1000,
        to_ns: prekill.announced_ns + 4000,
        usage_bytes: Some(8192),
        processes_total: Some(3),
        processes: vec![process(900, "web"), process(901, "db")],
        ..Snapshot::default()
    });
    stream.context(Kind::Prekill, &prekill);
    let told = stream.tick(S).told();
    assert_eq!(told.decided[0].prekill, told.only().prekill);
    let snapshot = told.only().prekill.as_ref().unwrap().snapshot.as_ref().unwrap();
    assert_eq!((snapshot.after_ns, snapshot.took_ns, snapshot.usage_bytes), (1000, 3000, Some(8192)));
    assert_eq!((snapshot.processes_total, snapshot.left_out, snapshot.swap_bytes), (Some(3), Some(1), None));
    assert_eq!(snapshot.processes[1].comm, Some("db".into()));
}

#[test]
fn an_announcement_is_used_once_and_many_do_not_pile_up() {
    let mut stream = Stream::new("fentry");
    let first = announcement(&stream, APP);
    stream.context(Kind::Prekill, &first);
    kill(&mut stream, user_kill(task(900), sender(700, b"x")), LITTLE, &calm());
    stream.tick(2 * S);
    kill(&mut stream, user_kill(task(901), sender(700, b"x")), LITTLE, &calm());
    assert_eq!(stream.tick(S).told().closed.len(), 1, "the second kill was not announced");
    let mut stream = Stream::new("fentry");
    for number in 0..1000 {
        stream.context(
            Kind::Prekill,
            &Prekill { announced_ns: stream.now + number, ..announcement(&stream, OTHER) },
        );
    }
    let last = announcement(&stream, APP);
    stream.add(level(APP, PODS, b"app", LITTLE, u64::MAX)).context(Kind::Prekill, &last);
    kill(&mut stream, user_kill(task(900), sender(700, b"x")), LITTLE, &calm());
    assert_eq!(stream.tick(S).told().closed.len(), 1);
}
