//! The first thread of the victim has exited and another one has the memory: the kernel chooses the first and marks the other.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let orphan = ["orphan", "--mib", "96", "--thread-name", "worker"];
    Scenario::new("dead_leader", Expect::memcg("/headless", "allocator"))
        .cgroup("/headless", &[("memory.max", "32M")])
        .process(Process::acting("allocator", &orphan).oom_score_adj(200).cgroup("/headless"))
}
