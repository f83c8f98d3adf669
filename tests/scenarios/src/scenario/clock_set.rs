//! The same kill as in `cgroup`, after the wall clock was set, as on a machine without a clock battery that found a time
//! server.

use super::{Expect, Process, Scenario};

/// The step of the clock in seconds: more than a day.
const STEP_S: i64 = 100_000;

pub(super) fn scenario() -> Scenario {
    let allocator = Process::allocator("allocator", 96).oom_score_adj(500).uid(1000).cgroup("/late");
    let expect = Expect { foreseeable: true, ..Expect::memcg("/late", "allocator") };
    let mut scenario =
        Scenario::new("clock_set", expect).cgroup("/late", &[("memory.max", "32M")]).process(allocator);
    scenario.set_clock_s = STEP_S;
    scenario
}
