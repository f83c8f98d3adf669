//! The machine runs out of memory after it has run out of swap.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let mut scenario = Scenario::new("global_swap", Expect::global("allocator"))
        .process(Process::bystander("small", 16).comm(b"small"))
        .process(Process::allocator("allocator", 2048).oom_score_adj(50));
    scenario.machine.swap_mib = 8;
    scenario.alone = true;
    scenario
}
