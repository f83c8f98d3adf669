//! A cgroup that dies as a whole, but for a process at -1000.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        policy: "oom_group".to_owned(),
        outcome: "group_killed".to_owned(),
        victims: vec!["allocator".to_owned(), "member".to_owned()],
        certain: vec!["allocator".to_owned(), "member".to_owned()],
        ends: vec!["allocator".to_owned(), "member".to_owned()],
        ..Expect::memcg("/group", "allocator")
    };
    Scenario::new("oom_group", expect)
        .cgroup("/group", &[("memory.max", "48M"), ("memory.oom.group", "1")])
        .process(Process::bystander("member", 8).comm(b"member").cgroup("/group"))
        .process(Process::bystander("protected", 8).comm(b"protected").oom_score_adj(-1000).cgroup("/group"))
        .process(Process::allocator("allocator", 96).cgroup("/group"))
}
