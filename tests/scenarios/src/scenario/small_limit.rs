//! A limit of less than a thousand pages. A thousandth of it is no whole page, so `oom_score_adj` adds nothing: the process
//! with -900 dies because of its size, and one with 900 survives.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario::new("small_limit", Expect::memcg("/small", "protected"))
        .cgroup("/small", &[("memory.max", "3900K")])
        .process(Process::bystander("exposed", 1).comm(b"exposed").oom_score_adj(900).cgroup("/small"))
        .process(Process::allocator("protected", 16).oom_score_adj(-900).cgroup("/small"))
}
