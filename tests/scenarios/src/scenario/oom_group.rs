//! A cgroup of three processes that is killed as a group, and a fourth process at -1000 that survives.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let killed = ["allocator", "member", "other"].map(str::to_owned).to_vec();
    let expect = Expect {
        policy: "oom_group".to_owned(),
        outcome: "group_killed".to_owned(),
        victims: killed.clone(),
        certain: killed.clone(),
        ends: killed,
        ..Expect::memcg("/group", "allocator")
    };
    Scenario::new("oom_group", expect)
        .cgroup("/group", &[("memory.max", "48M"), ("memory.oom.group", "1")])
        .process(Process::bystander("member", 8).comm(b"member").cgroup("/group"))
        .process(Process::bystander("other", 6).comm(b"other").uid(1000).cgroup("/group"))
        .process(Process::bystander("protected", 8).comm(b"protected").oom_score_adj(-1000).cgroup("/group"))
        .process(Process::allocator("allocator", 96).cgroup("/group"))
}
