//! Many candidates, while other processes read `/proc/self/oom_score` all the time. The same function computes other points
//! there, relative to the machine, and none of them may be in the ballot.

use super::{Expect, Process, Scenario};

/// Candidates beside the victim, all at -1000, so that points of another process would be noticed. The reader must interrupt an
/// evaluation: without the hook's gate, one run in four disagreed.
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
