//! What is swapped out counts: of two processes the one with less resident memory is killed, because more of it is swapped
//! out.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let roles = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let expect = Expect {
        victims: roles(&["swapped", "resident"]),
        certain: roles(&["swapped"]),
        // From 6.19 on the victim's pages are often still charged when it no longer counts.
        kills: (1, 2),
        trigger: roles(&["allocator"]),
        ends: roles(&["swapped", "allocator"]),
        foreseeable: true,
        ..Expect::memcg("/swapping", "swapped")
    };
    // The second takes its memory when the first has stopped touching its own, and that is swapped out to make room.
    let mut scenario = Scenario::new("swap", expect)
        .cgroup("/swapping", &[("memory.max", "32M"), ("memory.swap.max", "12M")])
        .process(Process::bystander("swapped", 22).comm(b"swapped").cgroup("/swapping"))
        .process(Process::bystander("resident", 18).comm(b"resident").cgroup("/swapping"))
        .process(Process::allocator("allocator", 12).oom_score_adj(50).cgroup("/swapping"));
    scenario.machine.swap_mib = 16;
    scenario
}
