//! SysRq-f: a process requests the kill of the largest process, although memory is not short.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect { cause: "sysrq".to_owned(), ..Expect::global("large") };
    let mut scenario = Scenario::new("sysrq", expect)
        .process(Process::bystander("small", 16).comm(b"small"))
        .process(Process::bystander("large", 64).comm(b"large").uid(1000));
    scenario.writes = vec![("/proc/sysrq-trigger".to_owned(), "f".to_owned())];
    scenario
}
