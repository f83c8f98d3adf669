//! Two processes on one memory. Their points are the same, so that the later one is chosen; the other dies with it, and the
//! log, the counters and the marks do not know of it.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let both = ["allocator", "twin"].map(str::to_owned).to_vec();
    let expect = Expect {
        victims: both.clone(),
        certain: both.clone(),
        ends: both.clone(),
        one_mm: both,
        equals: 2,
        ..Expect::memcg("/shared", "allocator")
    };
    Scenario::new("shared_mm", expect)
        .cgroup("/shared", &[("memory.max", "32M")])
        .process(Process::acting("allocator", &["twin", "--mib", "96"]).cgroup("/shared").children(&["twin"]))
}
