//! Many candidates, while others read `/proc/self/oom_score` all the time: the same function gives other points there, measured
//! against the machine, and none of them may be in the ballot.

use super::{Expect, Process, Scenario};

/// Candidates beside the victim, all at -1000: points of somebody else's stand out there. Somebody has to read in the middle of one's
/// evaluation: with the hook's gate taken away, one run in four disagreed.
const CROWD: &str = "60";

pub(super) fn scenario() -> Scenario {
    let reader = |role: &str| Process::staying(role, &["scores"]).comm(b"reader");
    let crowd = Process::staying("crowd", &["crowd", "--count", CROWD]).oom_score_adj(-1000).cgroup("/crowd");
    Scenario::new("score_reader", Expect::memcg("/crowd", "allocator"))
        .cgroup("/crowd", &[("memory.max", "64M")])
        .process(crowd)
        .process(reader("first"))
        .process(reader("second"))
        .process(Process::allocator("allocator", 96).cgroup("/crowd"))
}
