//! `vm.panic_on_oom` is set and the machine runs out of memory: the kernel panics without choosing a victim.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        outcome: "no_kill".to_owned(),
        panic: Some("Out of memory: system-wide panic_on_oom is enabled".to_owned()),
        victims: Vec::new(),
        certain: Vec::new(),
        kills: (0, 0),
        trigger: vec!["allocator".to_owned()],
        ..Expect::global("allocator")
    };
    let mut scenario = Scenario::new("panic_on_oom", expect)
        .sysctl("vm/panic_on_oom", "1")
        // After the panic, the console is the only copy of the kernel's log.
        .sysctl("kernel/printk", "8")
        .process(Process::bystander("large", 64).comm(b"large"))
        .process(Process::allocator("allocator", 2048));
    scenario.alone = true;
    scenario
}
