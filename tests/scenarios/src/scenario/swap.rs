//! A process runs into the limit of its cgroup with as much of it swapped out as the cgroup may.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let allocator = Process::allocator("allocator", 96).oom_score_adj(200).cgroup("/swapping");
    let mut scenario = Scenario::new("swap", Expect::memcg("/swapping", "allocator"))
        .cgroup("/swapping", &[("memory.max", "32M"), ("memory.swap.max", "8M")])
        .process(allocator);
    scenario.machine.swap_mib = 16;
    scenario
}
