//! As `global_allocating`, but a thread other than the first allocates: the kernel chooses that thread, and kills and marks the
//! first thread of its process.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        policy: "allocating_task".to_owned(),
        // The victim's memory may be freed too late for the kernel's own threads.
        victims: ["allocator", "large"].map(str::to_owned).to_vec(),
        kills: (1, 2),
        ..Expect::global("allocator")
    };
    let thread = ["thread", "--mib", "2048", "--thread-name", "asking"];
    let mut scenario = Scenario::new("global_allocating_thread", expect)
        .sysctl("vm/oom_kill_allocating_task", "1")
        .process(Process::bystander("large", 250).comm(b"large"))
        .process(Process::acting("allocator", &thread));
    scenario.alone = true;
    scenario
}
