//! A process reaches the limit of a cgroup of version 1.

use super::{Expect, Feature, Hierarchy, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let mut scenario = Scenario::new("cgroup_v1", Expect::memcg("/old", "allocator"))
        .cgroup("/old", &[("memory.limit_in_bytes", "32M")])
        .process(Process::allocator("allocator", 96).oom_score_adj(-10).cgroup("/old"));
    scenario.machine.hierarchy = Hierarchy::V1;
    scenario.needs.push(Feature::MemcgV1);
    scenario
}
