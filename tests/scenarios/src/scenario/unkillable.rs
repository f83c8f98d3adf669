//! Every process of a cgroup is at -1000: the kernel finds no victim, and the page fault is repeated forever
//! (`pagefault_out_of_memory`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c>).

use super::{Expect, Process, Relief, Scenario};

pub(super) fn scenario() -> Scenario {
    let mut scenario = Scenario::new("unkillable", Expect::no_kill("/stuck", "allocator", true))
        .cgroup("/stuck", &[("memory.max", "32M")])
        .process(Process::bystander("member", 8).comm(b"member").oom_score_adj(-1000).cgroup("/stuck"))
        .process(Process::allocator("allocator", 48).oom_score_adj(-1000).uid(1000).cgroup("/stuck"));
    scenario.relief = Some(Relief::new("/stuck", ("oom", 20), ("memory.max", "max")));
    scenario
}
