//! A limit in a cgroup 25 levels below the root, as in a container that runs containers. Its whole path is known, and that of the
//! victim in it.

use super::{Expect, Process, Scenario};

/// Number of levels above the cgroup with the limit.
const LEVELS: usize = 24;

pub(super) fn scenario() -> Scenario {
    let above = |levels: usize| "/in".repeat(levels);
    let limit = format!("{}/box", above(LEVELS));
    let expect = Expect { foreseeable: true, ..Expect::memcg(limit.as_str(), "allocator") };
    (1..=LEVELS)
        .fold(Scenario::new("nested", expect), |scenario, levels| {
            scenario.cgroup(above(levels).as_str(), &[])
        })
        .cgroup(limit.as_str(), &[("memory.max", "32M")])
        .process(Process::allocator("allocator", 96).oom_score_adj(500).uid(1000).cgroup(limit.as_str()))
}
