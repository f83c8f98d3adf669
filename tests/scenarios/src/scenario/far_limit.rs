//! A limit far above the victim. The cgroup at its limit, the cgroup killed as a group, the victim's cgroup and the trigger's
//! cgroup are four different ones, with levels between them.

use super::{Expect, Process, Scenario};

/// The cgroup with the limit.
const LIMIT: &str = "/far";
/// The cgroup that is killed as a group.
const SCOPE: &str = "/far/mid/scope";
/// The victim's cgroup.
const LEAF: &str = "/far/mid/scope/low/leaf";
/// Another member's cgroup.
const SIDE: &str = "/far/mid/scope/side";
/// The trigger's cgroup.
const OTHER: &str = "/far/other";

pub(super) fn scenario() -> Scenario {
    let killed = ["large", "member"].map(str::to_owned).to_vec();
    let expect = Expect {
        policy: "oom_group".to_owned(),
        outcome: "group_killed".to_owned(),
        victims: killed.clone(),
        certain: killed.clone(),
        trigger: vec!["allocator".to_owned()],
        ends: [killed, vec!["allocator".to_owned()]].concat(),
        ..Expect::memcg(LIMIT, "large")
    };
    Scenario::new("far_limit", expect)
        .cgroup(LIMIT, &[("memory.max", "64M")])
        .cgroup("/far/mid", &[])
        .cgroup(SCOPE, &[("memory.oom.group", "1")])
        .cgroup("/far/mid/scope/low", &[("memory.max", "62M")])
        .cgroup(LEAF, &[])
        .cgroup(SIDE, &[])
        .cgroup(OTHER, &[])
        .process(Process::bystander("large", 40).comm(b"large").cgroup(LEAF))
        .process(Process::bystander("member", 4).comm(b"member").cgroup(SIDE))
        // From 6.19 on, the victims' pages are often still charged when they are no candidates any more. No other process may
        // be killed.
        .process(Process::allocator("allocator", 24).oom_score_adj(-1000).uid(1000).cgroup(OTHER))
}
