//! A process is killed, and its own exit reaches the limit, so no victim is needed. Some kernels return before `out_of_memory`,
//! others mark the process. The witnesses show which of the two happened.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario::new("dying_trigger", Expect::dying("/last", "dying"))
        .cgroup("/last", &[("memory.max", "24M")])
        // Before the kill the cgroup must not be almost full, or the kill would seem to be caused by a shortage.
        .process(
            Process::acting("dying", &["last-words", "--mib", "11"]).cgroup("/last").children(&["killer"]),
        )
}
