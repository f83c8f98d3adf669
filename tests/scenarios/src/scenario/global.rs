//! The machine runs out of memory, and its largest process dies.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let mut scenario = Scenario::new("global", Expect::global("allocator"))
        .process(Process::bystander("small", 16).comm(b"small"))
        .process(Process::allocator("allocator", 2048).oom_score_adj(100).uid(1000));
    scenario.alone = true;
    scenario.because(&["exhausted"])
}
