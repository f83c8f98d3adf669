//! A cpuset allows a process only one of two memory nodes, and that node runs out.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let allocator = Process::allocator("allocator", 1024).oom_score_adj(100).cgroup("/confined");
    let mut scenario = Scenario::new("cpuset", Expect::confined("cpuset", 1, "allocator"))
        .cgroup("/confined", &[("cpuset.mems", "1")])
        .process(allocator);
    scenario.machine.nodes = 2;
    scenario.because(&["other_node"]).allocating(&["anon_fault"])
}
