//! Swap is switched off while a cgroup has more memory in it than fits below its limit. The process that switches it off
//! requested to be killed first (`oom_flag_origin`), so the kernel kills it without computing points.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect { asked_first: Some("leaver".to_owned()), ..Expect::memcg("/leaving", "leaver") };
    let mut scenario = Scenario::new("swapoff", expect)
        .cgroup("/leaving", &[("memory.max", "32M"), ("memory.swap.max", "14M")])
        .process(Process::bystander("swapped", 22).comm(b"swapped").cgroup("/leaving"))
        .process(Process::bystander("resident", 18).comm(b"resident").cgroup("/leaving"))
        .process(Process::acting("leaver", &["swap-off", "--device", "/dev/zram0"]).cgroup("/leaving"));
    scenario.machine.swap_mib = 16;
    scenario
}
