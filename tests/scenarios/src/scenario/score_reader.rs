//! As `adj_ladder`, while somebody else reads every `/proc/PID/oom_score` all the time: the same function gives other points
//! there, measured against the machine, and none of them may be in the ballot.

use super::{Process, Scenario, adj_ladder};

pub(super) fn scenario() -> Scenario {
    let mut scenario = adj_ladder::scenario();
    "score_reader".clone_into(&mut scenario.name);
    scenario.expect.foreseeable = false;
    scenario.process(Process::staying("reader", &["scores"]).comm(b"reader"))
}
