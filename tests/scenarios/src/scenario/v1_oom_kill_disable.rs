//! `oom_kill_disable` of cgroup v1: at the limit the task sleeps until there is memory. The kernel does not reach
//! `out_of_memory`, and no process dies (`mem_cgroup_oom`, <https://github.com/torvalds/linux/blob/v6.1/mm/memcontrol.c>).

use super::{Expect, Feature, Hierarchy, Process, Relief, Scenario};

pub(super) fn scenario() -> Scenario {
    let mut scenario = Scenario::new("v1_oom_kill_disable", Expect::no_kill("/asleep", "allocator", false))
        .cgroup("/asleep", &[("memory.limit_in_bytes", "32M"), ("memory.oom_control", "1")])
        .process(Process::allocator("allocator", 48).cgroup("/asleep"));
    scenario.machine.hierarchy = Hierarchy::V1;
    // Not needed here, but it lets the scenario share the guest of `v1_memsw`.
    scenario.machine.command_line = "swapaccount=1".to_owned();
    scenario.needs.push(Feature::MemcgV1);
    scenario.relief = Some(Relief::new("/asleep", ("under_oom", 1), ("memory.limit_in_bytes", "64M")));
    scenario
}
