//! The minutes before a decision, in its report and its summary.

use oomtrace::lead_up::Shape;
use oomtrace_common::{event::MarkVictim, frame::Kind};
use serde_json::{Value, json};

use crate::stream::{LIMIT, MEMCG, OTHER, PODS, S, Stream, task};

const MESSAGE: &str = "Memory cgroup out of memory";

/// A cgroup that used 1 MiB until about a second before the first decision of a stream.
fn history(memcg: u64) -> Value {
    json!({
        "interval_ns": 5_000_000_000_u64,
        "begun_ns": 1,
        "cgroups": [{ "memcg": memcg, "memory": { "at_ns": [95 * S, 99 * S], "usage_bytes": [1 << 20, 1 << 20] } }],
    })
}

#[test]
fn uses_the_first_history_of_the_pass() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS);
    stream.context(Kind::LeadUp, &history(PODS));
    stream.context(Kind::LeadUp, &history(OTHER));
    stream.kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    let told = stream.told();
    let lead_up = told.only().lead_up.clone().unwrap();
    assert_eq!((lead_up.shape, lead_up.growth_bytes), (Shape::Sudden, Some(LIMIT * 4096 - (1 << 20))));
    let summary = &told.only().cause.summary;
    assert!(summary.contains("; /pods grew by "), "{summary}");
}

#[test]
fn uses_the_history_of_a_mark() {
    let hog = task(812);
    let mut stream = Stream::new("tracepoint");
    stream.sigkill(812, 812).tree().add(MarkVictim { victim: hog, trigger: hog });
    stream.context(Kind::LeadUp, &history(PODS));
    stream.tick(1).exit(812);
    assert!(stream.told().only().lead_up.as_ref().is_some_and(|lead_up| lead_up.growth_bytes.is_some()));
}

#[test]
fn reports_nothing_without_a_history() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS);
    stream.kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    let told = stream.told();
    assert!(told.only().lead_up.is_none() && !told.only().cause.summary.contains("grew"));
}
