//! A process that is exempt from kills fills a cgroup, and another one is killed. The process keeps running, so that the functions on
//! its stack in user space can be named.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        trigger: vec!["allocator".to_owned()],
        user_function: Some("hog_touch_pages".to_owned()),
        ..Expect::memcg("/stack", "large")
    };
    let mut allocator = Process::allocator("allocator", 24).oom_score_adj(-1000).cgroup("/stack");
    allocator.hold = true;
    Scenario::new("user_stack", expect)
        .cgroup("/stack", &[("memory.max", "48M")])
        .process(Process::bystander("large", 32).comm(b"large").cgroup("/stack"))
        .process(allocator)
        .allocating(&["anon_fault"])
}
