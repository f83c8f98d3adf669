//! Five processes of one cgroup. The larger a process, the better `oom_score_adj` protects it, so that the smallest has the
//! most points. One unit is worth a thousandth of the limit: 24 pages.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let roles = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let expect = Expect {
        victims: roles(&["tiny", "small", "allocator", "medium", "large"]),
        certain: roles(&["tiny"]),
        // From 6.19 on, a victim's pages are often still charged when the victim is no candidate any more. The kernel then
        // kills the next process of the ladder, until no task allocates.
        kills: (1, 5),
        trigger: roles(&["allocator"]),
        ends: roles(&["tiny", "allocator"]),
        foreseeable: true,
        ..Expect::memcg("/ladder", "tiny")
    };
    let member = |role: &str, mib: u32, adj: i16| {
        Process::bystander(role, mib).comm(role.as_bytes()).oom_score_adj(adj).cgroup("/ladder")
    };
    Scenario::new("adj_ladder", expect)
        .cgroup("/ladder", &[("memory.max", "96M")])
        .process(member("large", 36, -900))
        .process(member("medium", 20, -100))
        .process(member("small", 12, 200))
        .process(member("tiny", 6, 500))
        .process(Process::allocator("allocator", 22).cgroup("/ladder"))
}
