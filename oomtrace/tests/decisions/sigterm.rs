//! SIGTERM by programs whose purpose is to kill when memory is short, and the SIGKILL that may follow.

use oomtrace::explain::{Code, Confidence, Outcome};
use oomtrace_common::{
    event::{Exit, Sigkill},
    frame::Kind,
};
use serde_json::Value;
use zerocopy::{FromZeros as _, IntoBytes as _};

use crate::{
    stream::{LIMIT, MS, S, Stream, start, task},
    userspace::{calm, kill, sender, user_kill},
};

const FULL: u64 = LIMIT / 100 * 95;

/// A signal of a counted act.
fn signal(pid: i32, comm: &[u8], first_ns: u64) -> Sigkill {
    let flags = Sigkill::HAS_GROUP;
    Sigkill {
        flags,
        group: 1,
        act_count: 1,
        act_first_ns: first_ns,
        ..user_kill(task(pid), sender(700, comm))
    }
}

/// A SIGTERM whose target's exit is sent.
fn sigterm(stream: &mut Stream, pid: i32, comm: &[u8]) {
    let told = signal(pid, comm, stream.now);
    let told = Sigkill { flags: told.flags | Sigkill::AWAITS_EXIT, ..told };
    stream.raw(Kind::Sigterm.number(), told.as_bytes());
}

/// A stream with a SIGTERM to process 900.
fn told_to_exit(comm: &[u8], used_pages: u64, pressure: &Value) -> Stream {
    let mut stream = Stream::new("fentry");
    // The levels and the memory that user space read come from a signal that did not arrive.
    let lost = Sigkill { result: 1, ..signal(900, comm, stream.now) };
    kill(&mut stream, lost, used_pages, pressure);
    sigterm(&mut stream, 900, comm);
    stream
}

/// Whole milliseconds. Each event of a stream is a microsecond after the last one.
fn ms(ns: Option<u64>) -> Option<u64> {
    ns.map(|ns| ns / MS)
}

fn exit(stream: &mut Stream, pid: i32) -> &mut Stream {
    stream.add(Exit { pid, tid: pid, start_boot_ns: start(pid), ..Exit::new_zeroed() })
}

fn sigkill(stream: &mut Stream, pid: i32) -> &mut Stream {
    let now = stream.now;
    stream.add(signal(pid, b"earlyoom", now))
}

#[test]
fn reports_a_process_that_exits_at_sigterm() {
    let mut stream = told_to_exit(b"earlyoom", FULL, &calm());
    exit(stream.later(300 * MS), 900);
    let told = stream.tick(2 * S).told();
    let report = told.only();
    assert_eq!((report.cause.code, report.cause.confidence), (Code::Userspace, Confidence::Observed));
    let sent = report.sent.unwrap();
    assert_eq!((sent.signal, sent.count, sent.left_out), ("SIGTERM", 1, 0));
    let aftermath = report.victims[0].aftermath;
    assert_eq!((aftermath.sigkill_ns, ms(aftermath.exit_ns)), (None, Some(300)));
    assert_eq!((told.decided[0].selection.outcome, report.selection.outcome), (None, Some(Outcome::Killed)));
    assert_eq!(
        report.cause.summary,
        "earlyoom (pid 700), not the kernel, told hog (pid 900) to exit (SIGTERM) when /pods (memory.max 64.0 MiB) was short of \
         memory"
    );
    assert_eq!(report.cause.evidence[0], "earlyoom sent SIGTERM by kill or pidfd_send_signal (si_code 0)");
}

#[test]
fn sigkill_after_sigterm_belongs_to_the_same_act() {
    for (later, after) in [(50 * MS, "50 ms"), (4 * S, "4 s"), (10 * S, "10 s")] {
        let mut stream = told_to_exit(b"earlyoom", FULL, &calm());
        sigkill(stream.later(later), 900).later(20 * MS);
        exit(&mut stream, 900);
        let told = stream.tick(2 * S).told();
        let report = told.only();
        assert_eq!(report.sent.unwrap().signal, "SIGTERM");
        let aftermath = report.victims[0].aftermath;
        let seen = [aftermath.sigkill_ns, aftermath.exit_ns].map(ms);
        assert_eq!(seen, [later, later + 20 * MS].map(|ns| Some(ns / MS)));
        assert_eq!(report.selection.outcome, Some(Outcome::Killed));
        let deed = format!("killed hog (pid 900) (SIGTERM, and SIGKILL {after} later)");
        assert!(report.cause.summary.contains(&deed), "{}", report.cause.summary);
    }
}

#[test]
fn says_that_a_process_did_not_exit() {
    let told = told_to_exit(b"earlyoom", FULL, &calm()).tick(12 * S).told();
    let report = told.only();
    assert_eq!(report.selection.outcome, None);
    let end = "was short of memory; it had not exited when the incident was closed";
    assert!(report.cause.summary.ends_with(end), "{}", report.cause.summary);
}

#[test]
fn kills_of_other_processes_are_acts_of_their_own() {
    let mut stream = told_to_exit(b"earlyoom", FULL, &calm());
    sigkill(stream.later(2 * S), 901);
    let signals: Vec<_> = stream
        .tick(2 * S)
        .tick(10 * S)
        .told()
        .closed
        .iter()
        .map(|report| report.sent.unwrap().signal)
        .collect();
    assert_eq!(signals, ["SIGKILL", "SIGTERM"]);
}

#[test]
fn a_sigkill_of_several_is_counted_without_those_that_were_told_before() {
    let mut stream = told_to_exit(b"earlyoom", FULL, &calm());
    stream.later(2 * S);
    let first_ns = stream.now;
    for (pid, act_count) in [(900, 1), (901, 2)] {
        stream.add(Sigkill { act_count, ..signal(pid, b"earlyoom", first_ns) });
    }
    exit(&mut stream, 900);
    let told = stream.tick(2 * S).told();
    let sent: Vec<_> = told
        .closed
        .iter()
        .map(|report| report.sent.unwrap())
        .map(|sent| (sent.signal, sent.count, sent.left_out))
        .collect();
    assert_eq!(sent, [("SIGTERM", 1, 0), ("SIGKILL", 1, 0)]);
}

#[test]
fn a_process_that_is_told_again_is_one_act() {
    let mut stream = told_to_exit(b"earlyoom", FULL, &calm());
    sigterm(stream.later(3 * S), 900, b"earlyoom");
    exit(stream.later(9 * S), 900);
    let told = stream.tick(2 * S).told();
    let report = told.only();
    assert_eq!((report.sent.unwrap().count, ms(report.victims[0].aftermath.exit_ns)), (1, Some(12_000)));
}

#[test]
fn several_processes_are_killed_if_all_have_ended() {
    for (all, outcome) in [(false, None), (true, Some(Outcome::GroupKilled))] {
        let mut stream = told_to_exit(b"earlyoom", FULL, &calm());
        sigterm(&mut stream, 901, b"earlyoom");
        exit(stream.later(S), 900);
        if all {
            exit(&mut stream, 901);
        }
        let told = stream.tick(12 * S).told();
        let report = told.only();
        assert_eq!((report.selection.outcome, report.has_killed()), (outcome, all));
        assert_eq!(
            report.cause.summary.contains("; 1 of 2 had not exited"),
            !all,
            "{}",
            report.cause.summary
        );
    }
}

#[test]
fn without_the_exits_sigterm_is_not_reported() {
    let mut stream = Stream::new("fentry");
    let lost = Sigkill { result: 1, ..signal(900, b"earlyoom", stream.now) };
    kill(&mut stream, lost, FULL, &calm());
    let told = signal(900, b"earlyoom", stream.now);
    stream.raw(Kind::Sigterm.number(), told.as_bytes());
    assert!(stream.tick(12 * S).told().closed.is_empty());
}

#[test]
fn sigterm_of_others_or_without_a_shortage_is_not_reported() {
    for (comm, used_pages) in [(&b"bash"[..], FULL), (b"systemd", FULL), (b"earlyoom", LIMIT / 2)] {
        let told = told_to_exit(comm, used_pages, &calm()).tick(12 * S).told();
        assert!(told.decided.is_empty() && told.closed.is_empty(), "{comm:?}");
    }
}
