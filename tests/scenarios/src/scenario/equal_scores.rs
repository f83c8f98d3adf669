//! Three processes share the highest points. Of equal tasks the kernel takes the last one that it examines.

use super::{Expect, Process, Scenario};

const EQUALS: [&str; 3] = ["first", "second", "third"];

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        victims: [&EQUALS[..], &["original", "allocator"]].concat().into_iter().map(str::to_owned).collect(),
        certain: Vec::new(),
        // As in `parent`, the pages of a victim may still be charged when it is no candidate any more, until no process is
        // left.
        kills: (1, 5),
        trigger: vec!["allocator".to_owned()],
        ends: vec!["allocator".to_owned()],
        equals: EQUALS.len(),
        ..Expect::memcg("/equal", "allocator")
    };
    let copies = Process::staying("original", &["equals", "--count", "3", "--mib", "12"]);
    Scenario::new("equal_scores", expect)
        .cgroup("/equal", &[("memory.max", "48M")])
        .process(copies.cgroup("/equal").children(&EQUALS))
        .process(Process::allocator("allocator", 16).oom_score_adj(-900).cgroup("/equal"))
}
