//! The same kill as in `cgroup`, two levels down, on a machine with one processor: the tracer cannot run while the kernel
//! decides. The number of processors also equals the id of the root cgroup. The kernel side once confused the two and omitted
//! the root.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let allocator = Process::allocator("allocator", 96).oom_score_adj(500).uid(1000).cgroup("/box/inner");
    let expect = Expect { foreseeable: true, ..Expect::memcg("/box/inner", "allocator") };
    let mut scenario = Scenario::new("one_cpu", expect)
        .cgroup("/box", &[])
        .cgroup("/box/inner", &[("memory.max", "32M")])
        .process(allocator);
    scenario.machine.cpus = 1;
    scenario
}
