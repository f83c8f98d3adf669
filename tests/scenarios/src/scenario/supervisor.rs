//! The kernel kills one process of a service, and its supervisor then kills the others: one incident with its consequences.

use super::{Expect, Process, Scenario, UserKill};

pub(super) fn scenario() -> Scenario {
    let others = ["member", "other"].map(str::to_owned).to_vec();
    let kill = UserKill { killer: "supervisor".to_owned(), victims: others, told: None };
    let expect = Expect {
        ends: ["allocator", "supervisor", "member", "other"].map(str::to_owned).to_vec(),
        user_kills: vec![kill],
        followed: true,
        ..Expect::memcg("/service", "allocator")
    };
    let supervisor = Process::acting("supervisor", &["kill", "--kill-members", "/sys/fs/cgroup/service"]);
    let mut scenario = Scenario::new("supervisor", expect)
        .cgroup("/service", &[("memory.max", "48M")])
        .process(Process::bystander("member", 8).comm(b"member").cgroup("/service"))
        .process(Process::bystander("other", 6).comm(b"other").uid(1000).cgroup("/service"))
        .process(Process::allocator("allocator", 96).cgroup("/service"))
        .process(supervisor.comm(b"supervisor").after("allocator"));
    // A shortage in another scenario would make these kills look as if caused by it.
    scenario.alone = true;
    scenario
}
