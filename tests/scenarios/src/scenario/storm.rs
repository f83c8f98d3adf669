//! Two hundred kills in a row. The kernel's log has full reports of a few, and a line for each.

use super::{Expect, Process, Scenario};

const KILLS: usize = 200;

pub(super) fn scenario() -> Scenario {
    let expect = Expect { kills: (KILLS, KILLS), ..Expect::memcg("/storm", "allocator") };
    let mut scenario = Scenario::new("storm", expect)
        // An emulator translates a program again at every new address.
        .sysctl("kernel/randomize_va_space", "0")
        .cgroup("/storm", &[("memory.max", "512K")])
        .process(Process::allocator("allocator", 8).runs(KILLS).cgroup("/storm"));
    // The kernel would have no full report left for the next scenarios.
    scenario.alone = true;
    scenario
}
