//! A limit of less than a thousand pages: a thousandth of it is no page, `oom_score_adj` adds nothing, and the process with
//! -900 dies for its size while one with 900 survives.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario::new("small_limit", Expect::memcg("/small", "protected"))
        .cgroup("/small", &[("memory.max", "3900K")])
        .process(Process::bystander("exposed", 1).comm(b"exposed").oom_score_adj(900).cgroup("/small"))
        .process(Process::allocator("protected", 16).oom_score_adj(-900).cgroup("/small"))
}
