//! Two processes share one memory. Their points are equal, so the kernel chooses the later one. The other dies with it, without
//! a trace in the log, the counters and the marks.

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
