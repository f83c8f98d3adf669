//! SysRq-f: somebody asks for the largest process to be killed, and memory is not short at all.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect { cause: "sysrq".to_owned(), ..Expect::global("large") };
    let mut scenario = Scenario::new("sysrq", expect)
        .process(Process::bystander("small", 16).comm(b"small"))
        .process(Process::bystander("large", 64).comm(b"large").uid(1000));
    scenario.writes = vec![("/proc/sysrq-trigger".to_owned(), "f".to_owned())];
    scenario
}
