//! The same kill as in `cgroup`, two levels down, on a machine with one processor: nothing of the tracer runs while the kernel decides. And its
//! number of processors is the id of the root cgroup: the kernel side once took the one for the other, and left the root out.

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
