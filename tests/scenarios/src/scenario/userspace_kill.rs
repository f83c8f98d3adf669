//! A program of user space kills in a cgroup that is nearly full, while the kernel kills in another. Before both, somebody
//! kills a process without any shortage: that is nobody's business.

use super::{Expect, Process, Scenario, Told, UserKill};

pub(super) fn scenario() -> Scenario {
    let told = Told { cgroup: "/busy".into(), confidence: "observed".to_owned() };
    let kill = |killer: &str, victim: &str, told| UserKill {
        killer: killer.to_owned(),
        victims: vec![victim.to_owned()],
        told,
    };
    let ends = ["allocator", "killer", "large", "person", "sleeper"].map(str::to_owned).to_vec();
    let expect = Expect {
        ends,
        user_kills: vec![kill("person", "sleeper", None), kill("killer", "large", Some(told))],
        ..Expect::memcg("/box", "allocator")
    };
    let mut scenario = Scenario::new("userspace_kill", expect)
        .cgroup("/box", &[("memory.max", "32M")])
        .cgroup("/busy", &[("memory.max", "64M")])
        .process(Process::bystander("sleeper", 8).comm(b"sleeper"))
        .process(Process::bystander("large", 60).comm(b"large").uid(1000).oom_score_adj(7).cgroup("/busy"))
        .process(Process::killer("person", "sleeper").comm(b"bash"))
        .process(Process::allocator("allocator", 96).after("person").cgroup("/box"))
        .process(Process::killer("killer", "large").comm(b"earlyoom").after("person"));
    // What others did to the machine before would still show in its averages.
    scenario.alone = true;
    scenario
}
