//! A process outside writes a `memory.max` below the usage. The kernel repeats the search for a victim until the usage fits:
//! thousands of passes, one of which kills.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        cause: "memcg_limit_lowered".to_owned(),
        trigger: vec!["writer".to_owned()],
        ends: vec!["large".to_owned(), "writer".to_owned()],
        ..Expect::memcg("/low", "large")
    };
    let write = ["write", "--path", "/sys/fs/cgroup/low/memory.max", "--text", "16M"];
    Scenario::new("lowered", expect)
        .cgroup("/low", &[])
        .process(Process::bystander("large", 48).comm(b"large").cgroup("/low"))
        .process(Process::acting("writer", &write).comm(b"writer"))
}
