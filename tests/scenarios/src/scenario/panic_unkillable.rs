//! The machine runs out of memory and every process is at -1000: no process can be killed, and the kernel panics
//! (`out_of_memory`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1159>).

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        policy: "none_killable".to_owned(),
        outcome: "no_kill".to_owned(),
        panic: Some("System is deadlocked on memory".to_owned()),
        victims: Vec::new(),
        certain: Vec::new(),
        kills: (0, 0),
        trigger: vec!["allocator".to_owned()],
        ..Expect::global("allocator")
    };
    let mut scenario = Scenario::new("panic_unkillable", expect)
        // After the panic, the console is the only copy of the kernel's log.
        .sysctl("kernel/printk", "8")
        .process(Process::bystander("large", 64).comm(b"large").oom_score_adj(-1000))
        .process(Process::allocator("allocator", 2048).oom_score_adj(-1000));
    scenario.alone = true;
    scenario
}
