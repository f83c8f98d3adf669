//! A limit far above: the one hit, the cgroup that dies as a whole and the victim's own are three different ones, with
//! levels between them, and the trigger is in a fourth.

use super::{Expect, Process, Scenario};

/// The limit.
const LIMIT: &str = "/far";
/// Killed as a whole.
const SCOPE: &str = "/far/mid/scope";
/// The victim's.
const LEAF: &str = "/far/mid/scope/low/leaf";
/// Another member's.
const SIDE: &str = "/far/mid/scope/side";
/// The trigger's.
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
        // From 6.19 on the victims' pages are often still charged when they no longer count: nobody else may be killed.
        .process(Process::allocator("allocator", 24).oom_score_adj(-1000).uid(1000).cgroup(OTHER))
}
