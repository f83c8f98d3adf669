//! A process outside the cgroup writes into the memory of one inside, as a debugger does: the cgroup is charged, and the
//! machine has enough memory.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let ends = ["target", "writer"].map(str::to_owned).to_vec();
    let expect = Expect { trigger: vec!["writer".to_owned()], ends, ..Expect::memcg("/ctr", "target") };
    Scenario::new("remote_charge", expect)
        .cgroup("/ctr", &[("memory.max", "32M")])
        .process(Process::staying("target", &["reserve", "--mib", "64"]).comm(b"target").cgroup("/ctr"))
        .process(Process::acting("writer", &["poke", "--target", "target"]).comm(b"writer"))
}
