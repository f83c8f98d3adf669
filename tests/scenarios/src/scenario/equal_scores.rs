//! Three processes have the same points, and the most: of equals the kernel takes the last it looks at.

use super::{Expect, Process, Scenario};

const EQUALS: [&str; 3] = ["first", "second", "third"];

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        victims: [&EQUALS[..], &["original", "allocator"]].concat().into_iter().map(str::to_owned).collect(),
        certain: Vec::new(),
        // As in `parent`: the pages of a victim may still be charged when it no longer counts, and so on until nobody is left.
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
