//! Sixteen threads of one process reach the limit together. From 6.16 on, they mark themselves one by one while the process
//! dies. This is one decision with one victim.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let threads = ["threads", "--count", "16", "--mib", "6"];
    Scenario::new("threads16", Expect::memcg("/many", "allocator"))
        .cgroup("/many", &[("memory.max", "48M")])
        .process(Process::acting("allocator", &threads).cgroup("/many"))
}
