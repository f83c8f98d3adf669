//! `vm.oom_kill_allocating_task` is set, but the limit of a cgroup is reached: the kernel ignores the sysctl.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        victims: vec!["large".to_owned(), "allocator".to_owned()],
        certain: vec!["large".to_owned()],
        kills: (1, 2),
        trigger: vec!["allocator".to_owned()],
        ends: vec!["large".to_owned(), "allocator".to_owned()],
        summary_names: Some("oom_kill_allocating_task".to_owned()),
        ..Expect::memcg("/pair", "large")
    };
    Scenario::new("cgroup_allocating", expect)
        .sysctl("vm/oom_kill_allocating_task", "1")
        .cgroup("/pair", &[("memory.max", "64M")])
        .process(Process::bystander("large", 40).comm(b"large").cgroup("/pair"))
        .process(Process::allocator("allocator", 32).cgroup("/pair"))
}
