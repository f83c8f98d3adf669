//! The wall clock is set while the tracer runs.

use oomtrace_common::frame::Kind;
use serde_json::json;

use crate::stream::{LIMIT, MEMCG, MS, PODS, Stream, task};

const MESSAGE: &str = "Memory cgroup out of memory";

fn kill(stream: &mut Stream, pid: i32) {
    let victim = task(pid);
    stream.memcg_oom(victim, PODS).sysctl(0).looked_up(pid);
    stream.kill(victim, victim, MESSAGE, MEMCG, LIMIT).leave(1, 1).later(MS).exit(pid).later(MS);
}

#[test]
fn later_decisions_have_the_new_date() {
    let mut stream = Stream::new("fentry");
    kill(&mut stream, 812);
    stream.context(Kind::Clock, &json!({ "wall_offset_ns": 1_800_000_000_000_000_000_i64 }));
    kill(&mut stream, 900);
    let told = stream.told();
    let dates: Vec<&str> = told.closed.iter().map(|report| &report.time.as_deref().unwrap()[..10]).collect();
    assert_eq!(dates, ["2023-11-14", "2027-01-15"]);
    let kernels: Vec<_> = told.closed.iter().map(|report| report.kernel.clone()).collect();
    assert_eq!(kernels[0], kernels[1], "the rest of the session is unchanged");
}

#[test]
fn open_incidents_keep_their_date() {
    let mut stream = Stream::new("fentry");
    let victim = task(812);
    stream.memcg_oom(victim, PODS).sysctl(0).kill(victim, victim, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    stream.context(Kind::Clock, &json!({ "wall_offset_ns": 0 })).later(MS).exit(812);
    let told = stream.told();
    assert_eq!(told.only().time, told.decided[0].time);
}

#[test]
fn the_next_file_of_a_recorder_continues_the_clock() {
    let mut stream = Stream::new("fentry");
    let session = stream.bytes.clone();
    let clock = json!({ "wall_offset_ns": 1_800_000_000_000_000_000_i64 });
    let victim = task(812);
    stream.context(Kind::Clock, &clock).memcg_oom(victim, PODS).sysctl(0);
    stream.kill(victim, victim, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    stream.bytes.extend(&session);
    stream.context(Kind::Clock, &clock).later(MS).exit(812);
    let told = stream.told();
    let report = told.only();
    assert!(report.time.as_ref().unwrap().starts_with("2027-01-15"));
    assert!(report.status.complete && report.victims[0].aftermath.exit_ns.is_some(), "{:?}", report.status);
}

#[test]
fn ignores_a_clock_before_the_first_session() {
    let mut stream = Stream::new("fentry");
    let session = std::mem::take(&mut stream.bytes);
    stream.context(Kind::Clock, &json!({ "wall_offset_ns": 1_800_000_000_000_000_000_i64 }));
    stream.bytes.extend(session);
    kill(&mut stream, 812);
    assert!(stream.told().only().time.as_ref().unwrap().starts_with("2023-11-14"));
}
