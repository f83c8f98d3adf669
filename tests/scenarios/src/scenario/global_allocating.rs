//! The machine runs out of memory with `vm.oom_kill_allocating_task` set: the allocating process dies, although another one is
//! larger.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        policy: "allocating_task".to_owned(),
        // The victim's memory may be freed too late for the kernel's own threads.
        victims: ["allocator", "large"].map(str::to_owned).to_vec(),
        kills: (1, 2),
        ..Expect::global("allocator")
    };
    let mut scenario = Scenario::new("global_allocating", expect)
        .sysctl("vm/oom_kill_allocating_task", "1")
        .process(Process::bystander("large", 250).comm(b"large"))
        .process(Process::allocator("allocator", 2048));
    scenario.alone = true;
    scenario
}
