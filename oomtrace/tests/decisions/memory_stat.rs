//! `memory.stat` belongs to the pass for which it was read.

use std::rc::Rc;

use oomtrace_common::{
    event::{EmptyPasses, MarkVictim, OutOfMemory},
    frame::Kind,
};
use serde_json::json;
use zerocopy::FromZeros as _;

use crate::stream::{APP, LIMIT, MEMCG, OTHER, PODS, Stream, task};

const MESSAGE: &str = "Memory cgroup out of memory";

#[test]
fn uses_the_first_one_of_the_domain() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS);
    stream.context(Kind::MemoryStat, &json!({ "memcg": OTHER, "stat": { "shmem": 1 } }));
    stream.context(Kind::MemoryStat, &json!({ "memcg": PODS, "stat": { "shmem": 2 } }));
    stream.context(Kind::MemoryStat, &json!({ "memcg": PODS, "stat": { "shmem": 3 } }));
    stream.kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    assert_eq!(stream.told().only().domain.memory_stat, Some(Rc::new([("shmem".to_owned(), 2)].into())));
}

#[test]
fn a_mark_uses_that_of_the_cgroup_at_its_limit() {
    let hog = task(812);
    let marked = |memcg: u64| {
        let mut stream = Stream::new("tracepoint");
        stream.sigkill(812, 812).tree().add(MarkVictim { victim: hog, trigger: hog });
        stream.context(Kind::MemoryStat, &json!({ "memcg": memcg, "stat": { "anon": 64 << 20 } }));
        stream.tick(1).exit(812);
        let told = stream.told();
        (
            told.only().domain.memory_stat.is_some(),
            told.only().account.as_ref().map(|account| account.total_bytes),
        )
    };
    assert_eq!(marked(PODS), (true, Some(LIMIT * 4096)));
    assert_eq!(marked(APP), (false, None), "a level below the full cgroup");
    assert_eq!(marked(OTHER), (false, None), "not a level of the full cgroup");
}

#[test]
fn another_pass_of_the_same_cgroup_has_its_own() {
    let mut stream = Stream::new("fentry");
    for (pid, bytes) in [(812, 5), (900, 6)] {
        let hog = task(pid);
        stream.memcg_oom(hog, PODS);
        stream.context(Kind::MemoryStat, &json!({ "memcg": PODS, "stat": { "anon": bytes } }));
        stream.kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    }
    stream.exit(900).exit(812);
    let stat = |report: &oomtrace::report::Report| report.domain.memory_stat.clone().unwrap()["anon"];
    assert_eq!(stream.told().closed.iter().map(stat).collect::<Vec<_>>(), [6, 5]);
}

#[test]
fn reports_it_if_no_process_can_be_killed() {
    let mut stream = Stream::new("fentry");
    stream.enter().tree();
    let mut passes = EmptyPasses::new_zeroed();
    (passes.memcg, passes.flags, passes.emptiness, passes.count) = (PODS, OutOfMemory::MEMCG, 1, 1);
    (passes.first_ns, passes.last_ns, passes.total_pages) = (stream.pass, stream.pass, LIMIT);
    stream.add(passes);
    stream.context(Kind::MemoryStat, &json!({ "memcg": PODS, "stat": { "slab": 7 } }));
    assert_eq!(stream.told().only().domain.memory_stat, Some(Rc::new([("slab".to_owned(), 7)].into())));
}
