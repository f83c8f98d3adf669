//! A process binds itself to one of two memory nodes, and that node runs out.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let allocator = Process::allocator("allocator", 1024).oom_score_adj(100).uid(1000).bound_to(1);
    let mut scenario =
        Scenario::new("mempolicy", Expect::confined("mempolicy", 1, "allocator")).process(allocator);
    scenario.machine.nodes = 2;
    scenario.because(&["other_node"]).allocating(&["anon_fault"])
}
