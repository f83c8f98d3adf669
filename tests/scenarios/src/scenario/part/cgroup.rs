//! A process reaches the limit of its own cgroup.

use crate::scenario::{Expect, Process, Scenario};

pub(in crate::scenario) fn scenario() -> Scenario {
    let allocator = Process::allocator("allocator", 96).oom_score_adj(500).uid(1000).cgroup("/box");
    let expect = Expect { foreseeable: true, ..Expect::memcg("/box", "allocator") };
    Scenario::new("cgroup", expect)
        .cgroup("/box", &[("memory.max", "32M")])
        .process(allocator)
        .allocating(&["anon_fault"])
}
