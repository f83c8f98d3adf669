//! Free memory that the allocation may not use.

use super::super::Feature;
use super::{ENDLESS, Expect, Process, Scenario, roles};

/// Pipe buffers cannot use a zone for movable memory (<https://github.com/neondatabase/autoscaling/issues/1204>).
pub(super) fn movable() -> Scenario {
    beside_movable("movable", ("256M", 1024), &PIPES).unexplained(PIPES_MIB.0, PIPES_MIB.1)
}

/// The same with memory that is reserved for devices (<https://github.com/raspberrypi/linux/issues/3872>).
pub(super) fn cma() -> Scenario {
    beside_cma("cma", "192M", &PIPES).unexplained(PIPES_MIB.0, PIPES_MIB.1)
}

/// The shape that fills the remaining memory, and the range of its memory that no counter covers, in MiB.
const PIPES: [&str; 3] = ["pipes", "--mib", ENDLESS];
const PIPES_MIB: (u64, u64) = (100, 400);

fn beside_movable(name: &str, (kernel, memory_mib): (&str, u32), shape: &[&str]) -> Scenario {
    let mut scenario = filled(name, shape).because(&["other_zone"]);
    scenario.machine.memory_mib = memory_mib;
    scenario.machine.command_line = format!("kernelcore={kernel}");
    scenario
}

fn beside_cma(name: &str, size: &str, shape: &[&str]) -> Scenario {
    let mut scenario = filled(name, shape).because(&["cma"]);
    scenario.machine.command_line = format!("cma={size}");
    scenario.needs.push(Feature::Cma);
    scenario
}

/// Builds a scenario in which the kill of the largest process frees no memory that the others can use. In the end, the owner of
/// the pipes is killed.
fn filled(name: &str, shape: &[&str]) -> Scenario {
    let victims = roles(&["bystander", "filler"]);
    let expect = Expect {
        certain: roles(&["filler"]),
        ends: roles(&["filler"]),
        victims,
        kills: (1, 2),
        ..Expect::global("filler")
    };
    let mut scenario = Scenario::new(name, expect)
        .process(Process::bystander("bystander", 20).comm(b"bystander"))
        .process(Process::acting("filler", shape).comm(b"filler"));
    scenario.alone = true;
    scenario
}
