//! A program of user space kills a process in an almost full cgroup, while the kernel kills one in another. Before both, a
//! process is killed without a shortage, which oomtrace does not report.

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
    // Pressure averages would still contain the load of earlier scenarios.
    scenario.alone = true;
    scenario
}
