//! The limit of memory and swap together on cgroup v1. If it equals the limit of memory alone, a charge checks it first
//! (`try_charge_memcg`, <https://github.com/torvalds/linux/blob/v6.1/mm/memcontrol.c>).

use super::{Expect, Feature, Hierarchy, Process, Range, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        ranges: vec![
            Range::mib("domain.swap_limit_bytes", 32, 32),
            // The charge of a page was refused, so less than one batch of charges is left.
            Range::mib("domain.swap_usage_bytes", 31, 32),
        ],
        ..Expect::memcg("/memsw", "allocator")
    };
    let limits = [("memory.limit_in_bytes", "32M"), ("memory.memsw.limit_in_bytes", "32M")];
    let mut scenario = Scenario::new("v1_memsw", expect)
        .cgroup("/memsw", &limits)
        .process(Process::allocator("allocator", 96).cgroup("/memsw"));
    scenario.machine.hierarchy = Hierarchy::V1;
    scenario.machine.command_line = "swapaccount=1".to_owned();
    scenario.needs.push(Feature::MemcgV1);
    scenario
}
