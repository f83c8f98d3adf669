//! Swapped memory counts: of two processes the kernel kills the one with less resident memory, because more of it is swapped
//! out.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let roles = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let expect = Expect {
        victims: roles(&["swapped", "resident", "allocator"]),
        certain: roles(&["swapped"]),
        // From 6.19 on, the victim's pages are often still charged when it is no candidate any more.
        kills: (1, 3),
        trigger: roles(&["allocator"]),
        ends: roles(&["swapped", "allocator"]),
        foreseeable: true,
        ..Expect::memcg("/swapping", "swapped")
    };
    // The second process allocates after the first has stopped touching its memory, which is then swapped out.
    let mut scenario = Scenario::new("swap", expect)
        .cgroup("/swapping", &[("memory.max", "32M"), ("memory.swap.max", "12M")])
        .process(Process::bystander("swapped", 22).comm(b"swapped").cgroup("/swapping"))
        .process(Process::bystander("resident", 18).comm(b"resident").cgroup("/swapping"))
        .process(Process::allocator("allocator", 12).oom_score_adj(50).cgroup("/swapping"));
    scenario.machine.swap_mib = 16;
    scenario
}
