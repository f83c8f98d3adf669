//! A process is killed, and while it goes its own exit runs into the limit: nobody has to be chosen. Some kernels look
//! away before `out_of_memory`, others mark the process; which of the two happened is the witnesses' to say.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario::new("dying_trigger", Expect::dying("/last", "dying"))
        .cgroup("/last", &[("memory.max", "24M")])
        // Until the kill it is not so full that the kill would seem to be for memory.
        .process(
            Process::acting("dying", &["last-words", "--mib", "11"]).cgroup("/last").children(&["killer"]),
        )
}
