//! A process kills a whole, almost full cgroup with `cgroup.kill`, which sends signals without information. The kernel decides
//! nothing.

use super::{Expect, Feature, Process, Scenario, Told, UserKill};

pub(super) fn scenario() -> Scenario {
    let members = ["first", "second"].map(str::to_owned).to_vec();
    let told = Told { cgroup: "/doomed".into(), confidence: "inferred".to_owned() };
    let kill = UserKill { killer: "killer".to_owned(), victims: members.clone(), told: Some(told) };
    let expect = Expect {
        victims: Vec::new(),
        certain: Vec::new(),
        kills: (0, 0),
        ends: [members, vec!["killer".to_owned()]].concat(),
        user_kills: vec![kill],
        ..Expect::memcg("/doomed", "first")
    };
    let mut scenario = Scenario::new("cgroup_kill", expect)
        .cgroup("/doomed", &[("memory.max", "64M")])
        .process(Process::bystander("first", 30).comm(b"first").cgroup("/doomed"))
        .process(Process::bystander("second", 30).comm(b"second").cgroup("/doomed"))
        .process(Process::cgroup_killer("killer", "/sys/fs/cgroup/doomed").comm(b"runner"));
    scenario.needs.push(Feature::CgroupKill);
    scenario
}
