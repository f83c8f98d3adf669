//! Signals that user space sends after a kernel kill and to thousands of processes at once; kills without any frame; and
//! repeated kills.

use oomtrace::{
    explain::{Code, Confidence},
    incident::Method,
    report::Report,
};
use oomtrace_common::{
    event::{Act, KillProcess, MarkVictim, Sigkill, Task, UserKills},
    frame::Kind,
};
use serde_json::json;
use zerocopy::IntoBytes as _;

use crate::stream::{
    APP, LIMIT, MEMCG, MS, NO_LIMIT, OTHER, PODS, ROOT, S, Stream, level, sigkill_of, start, task,
};

const MESSAGE: &str = "Memory cgroup out of memory";

fn named(pid: i32, comm: &[u8]) -> Task {
    let mut sender = Task { memcg: ROOT, ..task(pid) };
    (sender.comm, sender.leader_comm) = ([0; 16], [0; 16]);
    sender.comm[..comm.len()].copy_from_slice(comm);
    sender.leader_comm[..comm.len()].copy_from_slice(comm);
    sender
}

/// A signal as this version's kernel side sends it: the `count`-th signal of an act.
fn signal(pid: i32, sender: Task, origin: u32, group: u32, (first_ns, count): (u64, u64)) -> Sigkill {
    Sigkill {
        sender_pid: sender.pid,
        sender_tid: sender.tid,
        origin,
        group,
        flags: Sigkill::HAS_GROUP,
        act_count: count,
        act_first_ns: first_ns,
        target: task(pid),
        sender,
        ..sigkill_of(pid)
    }
}

fn killed(stream: &mut Stream) -> &mut Stream {
    let hog = task(812);
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812)
}

fn levels(stream: &mut Stream) -> &mut Stream {
    stream
        .add(level(APP, PODS, b"app", LIMIT / 2, NO_LIMIT))
        .add(level(PODS, ROOT, b"pods", LIMIT / 2, LIMIT))
        .add(level(ROOT, 0, b"", 0, NO_LIMIT))
}

fn counts(
    sender: Task,
    signal: u32,
    origin: u32,
    group: u32,
    (first_ns, last_ns, count): (u64, u64, u64),
) -> UserKills {
    let of =
        Act { sender_pid: sender.pid, signal, origin, group, sender_start_ns: start(sender.pid), memcg: APP };
    UserKills { of, first_ns, last_ns, count, told: 256 }
}

#[test]
fn kills_by_a_supervisor_belong_to_the_incident() {
    let systemd = named(1, b"systemd");
    let mut stream = Stream::new("fentry");
    killed(&mut stream).later(12 * MS);
    levels(&mut stream);
    let first_ns = stream.now;
    for (pid, count) in [(900, 1), (901, 2), (902, 3)] {
        stream.add(signal(pid, systemd, Sigkill::FROM_SIGINFO, 1, (first_ns, count)));
    }
    let told = stream.tick(2 * S).told();
    let report = told.only();
    let [act] = report.followed.as_slice() else { panic!("{:?}", report.followed) };
    assert_eq!((act.signal, act.method, act.count, act.left_out), ("SIGKILL", Some(Method::Signal), 3, 0));
    assert_eq!((act.sender_pid, act.sender_comm.as_ref().unwrap().as_bytes()), (Some(1), &b"systemd"[..]));
    assert_eq!(act.cgroup.as_ref().unwrap().as_bytes(), b"/pods/app");
    assert_eq!(act.sender_cgroup.as_ref().unwrap().as_bytes(), b"/");
    assert!(act.after_ns >= 12 * MS && act.after_ns < 13 * MS, "{}", act.after_ns);
    let pids: Vec<_> = act.processes.iter().map(|process| process.pid).collect();
    assert_eq!(pids, [Some(900), Some(901), Some(902)]);
    assert!(report.status.complete, "{:?}", report.cause.evidence);
    assert!(
        report.cause.summary.contains(
            "; then systemd (pid 1) killed 3 other processes of /pods/app with SIGKILL after 12 ms"
        ),
        "{}",
        report.cause.summary
    );
    assert!(told.decided[0].followed.is_empty());
    assert_eq!(report.sent, None, "the kernel decided");
}

/// systemd kills two processes while the kernel still kills the group. The kernel then reaches one of them.
#[test]
fn a_victim_that_a_supervisor_killed_first_is_counted_once() {
    let (systemd, hog, second) = (named(1, b"systemd"), task(812), task(900));
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT);
    let pass = std::mem::take(&mut stream.pass);
    levels(&mut stream);
    let first_ns = stream.now;
    for (pid, count) in [(900, 1), (901, 2)] {
        stream.add(signal(pid, systemd, Sigkill::FROM_SIGINFO, 1, (first_ns, count)));
    }
    stream.pass = pass;
    stream.add(KillProcess { victim: second }).add(MarkVictim { victim: second, trigger: hog });
    let told = stream.leave(2, 2).exit(812).exit(900).tick(2 * S).told();
    let report = told.only();
    assert_eq!(report.victims.len(), 2);
    let [act] = report.followed.as_slice() else { panic!("{:?}", report.followed) };
    let pids: Vec<_> = act.processes.iter().map(|process| process.pid).collect();
    assert_eq!((act.count, pids), (1, vec![Some(901)]));
}

#[test]
fn a_stopped_service_receives_sigterm_first() {
    let systemd = named(1, b"systemd");
    let mut stream = Stream::new("fentry");
    killed(&mut stream).later(5 * MS);
    levels(&mut stream);
    let first_ns = stream.now;
    let sigterm = signal(900, systemd, Sigkill::FROM_SIGINFO, 1, (first_ns, 1));
    stream.raw(Kind::Sigterm.number(), sigterm.as_bytes()).later(300 * MS);
    stream.add(signal(900, systemd, Sigkill::FROM_SIGINFO, 1, (stream.now, 1)));
    let told = stream.tick(2 * S).told();
    let signals: Vec<_> = told.only().followed.iter().map(|act| (act.signal, act.count)).collect();
    assert_eq!(signals, [("SIGTERM", 1), ("SIGKILL", 1)]);
}

#[test]
fn sigterm_alone_is_no_incident() {
    let mut stream = Stream::new("fentry");
    levels(&mut stream);
    let sigterm = signal(900, named(700, b"bash"), Sigkill::FROM_SIGINFO, 1, (stream.now, 1));
    stream.raw(Kind::Sigterm.number(), sigterm.as_bytes());
    assert!(stream.tick(S).told().closed.is_empty());
}

#[test]
fn signals_elsewhere_or_later_do_not_belong_to_the_incident() {
    for (later, memcg) in [(10 * MS, OTHER), (1500 * MS, APP)] {
        let mut stream = Stream::new("fentry");
        killed(&mut stream).later(later);
        levels(&mut stream).add(level(OTHER, ROOT, b"other", 0, LIMIT));
        let target = Task { memcg, ..task(900) };
        let kill = signal(900, named(1, b"systemd"), Sigkill::FROM_SIGINFO, 1, (stream.now, 1));
        let told = stream.add(Sigkill { memcg, target, ..kill }).tick(2 * S).told();
        assert!(told.only().followed.is_empty(), "{later} {memcg}");
    }
}

/// One write to `cgroup.kill` that kills this many processes. 256 of them have frames. Returns the time of the first signal.
fn one_write(stream: &mut Stream, sender: Task, processes: u64) -> u64 {
    levels(stream);
    let first_ns = stream.now;
    for (pid, count) in (1000..1256).zip(1..) {
        stream.add(signal(pid, sender, Sigkill::FROM_NOINFO, 0, (first_ns, count)));
    }
    // The write takes four seconds. After the first one, its count is sent less often.
    let steps = [49 * MS; 20].into_iter().chain([500 * MS; 6]);
    for (step, later) in (1..).zip(steps) {
        let count = processes / 26 * step + processes % 26;
        stream.later(later);
        let last_ns = stream.now;
        stream.add(counts(sender, 9, Sigkill::FROM_NOINFO, 0, (first_ns, last_ns, count)));
    }
    first_ns
}

#[test]
fn one_write_to_cgroup_kill_is_one_incident_with_an_exact_count() {
    for processes in [2105, 10_000, 50_000] {
        let oomd = named(700, b"systemd-oomd");
        let mut stream = Stream::new("fentry");
        one_write(&mut stream, oomd, processes);
        let full = json!({ "memcg": APP, "total_bytes": 1000, "available_bytes": 20 });
        stream.context(Kind::Pressure, &full);
        // Another sender at the same time has its own count.
        let other = signal(5000, named(701, b"earlyoom"), Sigkill::FROM_NOINFO, 1, (stream.now, 1));
        let told = stream.add(other).tick(S).tick(30 * S).told();
        // The write may go on after a long pause, so it ends last.
        let [second, report] = told.closed.as_slice() else { panic!("{}", told.closed.len()) };
        let sent = report.sent.unwrap();
        assert_eq!(
            (sent.method, sent.count, sent.left_out),
            (Some(Method::CgroupKill), processes, processes - 256)
        );
        assert_eq!((report.victims.len(), report.status.complete), (256, true));
        assert!(
            report.cause.summary.contains(&format!(" and {} more when ", processes - 1)),
            "{}",
            report.cause.summary
        );
        let counted = format!("it sent SIGKILL to {processes} processes; 256 of them are listed");
        assert!(report.cause.evidence.contains(&counted), "{:?}", report.cause.evidence);
        assert!(
            report.cause.evidence[0].ends_with("sent SIGKILL by cgroup.kill"),
            "{:?}",
            report.cause.evidence
        );
        assert_eq!((second.sent.unwrap().count, second.status.complete), (1, true));
        assert!(second.cause.evidence[0].ends_with("sent SIGKILL by kill"), "{:?}", second.cause.evidence);
    }
}

#[test]
fn one_write_that_waits_for_a_cpu_is_one_incident() {
    let oomd = named(700, b"systemd-oomd");
    let mut stream = Stream::new("fentry");
    let first_ns = one_write(&mut stream, oomd, 2105);
    stream.context(Kind::Pressure, &json!({ "memcg": APP, "total_bytes": 1000, "available_bytes": 20 }));
    // The writer waits for a CPU as long as the dying processes use it, for two minutes in all.
    for step in 1..=60 {
        let last_ns = stream.later(2 * S).now;
        stream.add(counts(oomd, 9, Sigkill::FROM_NOINFO, 0, (first_ns, last_ns, 2105 + step * 100)));
    }
    let told = stream.tick(9 * S).told();
    assert_eq!((told.decided.len(), told.only().sent.as_ref().unwrap().count), (1, 2105 + 60 * 100));
}

#[test]
fn a_write_that_waits_for_a_cpu_follows_the_kernels_kill_as_a_whole() {
    let runtime = named(300, b"crun");
    let mut stream = Stream::new("fentry");
    killed(&mut stream).later(40 * MS);
    let first_ns = one_write(&mut stream, runtime, 2105);
    let last_ns = stream.later(2 * S).now;
    stream.add(counts(runtime, 9, Sigkill::FROM_NOINFO, 0, (first_ns, last_ns, 2500)));
    let told = stream.tick(3 * S).told();
    let [act] = told.only().followed.as_slice() else { panic!("{:?}", told.only().followed) };
    assert_eq!((act.method, act.count), (Some(Method::CgroupKill), 2500));
}

/// Kills one by one, with pauses, by a process whose purpose it is.
fn paused(pauses: &[(u64, u64)]) -> Vec<u64> {
    let killer = named(701, b"earlyoom");
    let mut stream = Stream::new("fentry");
    levels(&mut stream).add(level(OTHER, ROOT, b"other", 0, LIMIT));
    for (pid, (pause, memcg)) in (1000..).zip(pauses) {
        stream.later(*pause);
        let kill = signal(pid, killer, Sigkill::FROM_SIGINFO, 1, (stream.now, 1));
        let target = Task { memcg: *memcg, ..task(pid) };
        stream.add(Sigkill { memcg: *memcg, target, ..kill });
        let full = json!({ "memcg": memcg, "total_bytes": 1000, "available_bytes": 20 });
        stream.context(Kind::Pressure, &full);
    }
    let told = stream.tick(2 * S).told();
    // The line comes before the pause is over.
    assert_eq!(told.decided.len(), told.closed.len());
    assert!(told.decided.iter().zip(&told.closed).all(|(decided, closed)| decided.id == closed.id));
    told.closed.iter().map(|report| report.sent.unwrap().count).collect()
}

#[test]
fn a_killer_that_pauses_in_a_cgroup_is_one_act() {
    assert_eq!(paused(&[(0, APP), (150 * MS, APP), (800 * MS, APP), (990 * MS, APP)]), [4]);
    assert_eq!(paused(&[(0, APP), (1100 * MS, APP)]), [1, 1]);
    // Elsewhere it is another act.
    assert_eq!(paused(&[(0, APP), (300 * MS, OTHER)]), [1, 1]);
    assert_eq!(paused(&[(0, APP), (50 * MS, OTHER), (300 * MS, APP)]), [3]);
    // It is reported at least once a minute.
    assert_eq!(paused(&[(700 * MS, APP); 100]), [87, 13]);
}

#[test]
fn a_supervisor_that_pauses_is_one_act_after_the_kernels_kill() {
    let systemd = named(1, b"systemd");
    let mut stream = Stream::new("fentry");
    killed(&mut stream).later(12 * MS);
    levels(&mut stream);
    for pid in 900..903 {
        stream.add(signal(pid, systemd, Sigkill::FROM_SIGINFO, 1, (stream.now, 1))).later(200 * MS);
    }
    let told = stream.tick(2 * S).told();
    let [act] = told.only().followed.as_slice() else { panic!("{:?}", told.only().followed) };
    assert_eq!((act.count, act.processes.len()), (3, 3));
}

#[test]
fn thousands_of_kills_by_a_container_runtime_are_one_act() {
    let mut stream = Stream::new("fentry");
    killed(&mut stream).later(40 * MS);
    one_write(&mut stream, named(300, b"runc"), 2105);
    let told = stream.tick(2 * S).told();
    let [act] = told.only().followed.as_slice() else { panic!("{:?}", told.only().followed) };
    assert_eq!((act.method, act.count, act.processes.len()), (Some(Method::CgroupKill), 2105, 64));
    assert_eq!(act.left_out, 2105 - 64);
    assert!(
        told.only().cause.summary.contains("with cgroup.kill after 40 ms"),
        "{}",
        told.only().cause.summary
    );
}

fn loss(stream: &mut Stream, unreported_kills: u64) {
    let lost = json!({ "lost": { "MarkVictim": 1 }, "kills": 3200, "unreported_kills": unreported_kills });
    stream.context(Kind::Loss, &lost);
}

fn unreported(reports: &[Report]) -> Vec<u64> {
    reports.iter().map(|report| report.status.unreported_kills).collect()
}

#[test]
fn counts_kills_without_frames_once() {
    let mut stream = Stream::new("fentry");
    killed(&mut stream);
    loss(&mut stream, 1498);
    loss(&mut stream, 1498);
    stream.tick(2 * S);
    killed(&mut stream).tick(2 * S);
    let told = stream.told();
    assert_eq!(unreported(&told.closed), [1498, 0]);
    let cause = &told.closed[0].cause;
    assert_eq!((told.closed[0].status.complete, cause.confidence), (false, Confidence::Inferred));
    let gap = "1498 more OOM kills could not be reported: all their frames were lost";
    assert!(cause.evidence.iter().any(|line| line == gap), "{:?}", cause.evidence);
    assert!(told.closed[1].status.complete);
}

#[test]
fn counts_repeated_kills_and_the_time_since_the_first() {
    let mut stream = Stream::new("fentry");
    for _ in 0..3 {
        killed(&mut stream).tick(20 * S);
    }
    // Another place and another name.
    let other = Task { memcg: OTHER, ..task(900) };
    stream.enter().add(crate::stream::memcg_request(other, OTHER));
    stream.add(level(OTHER, ROOT, b"other", LIMIT, LIMIT)).add(level(ROOT, 0, b"", 0, NO_LIMIT));
    stream.kill(other, other, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(900).tick(2 * S);
    stream.later(700 * S);
    killed(&mut stream).tick(2 * S);
    let told = stream.told();
    let repeats: Vec<_> =
        told.closed.iter().map(|report| report.repeats.map(|repeats| repeats.count)).collect();
    assert_eq!(repeats, [None, Some(2), Some(3), None, None]);
    let third = &told.closed[2];
    assert_eq!(third.cause.code, Code::MemcgLimit);
    assert!(third.cause.summary.ends_with("; this is the 3rd such kill in 40 s"), "{}", third.cause.summary);
    assert_eq!(told.decided[2].repeats, third.repeats);
}
