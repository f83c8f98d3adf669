//! Memory that no counter of the kernel covers.

use super::{Scenario, on_machine};

/// Amount of that memory, in MiB.
const MIB: &str = "160";
/// Range of the memory that no counter explains, in MiB: the rings and the 7 MiB of a machine without them. The range allows an
/// error of 2 % of the machine's 437 MiB.
const UNEXPLAINED: (u64, u64) = (158, 176);

/// Rings for received packets (<https://github.com/kubernetes/kubernetes/issues/116895>).
pub(super) fn packet_rings() -> Scenario {
    rings("packet_rings", "packet-ring")
}

/// Rings for perf's events.
pub(super) fn perf_rings() -> Scenario {
    rings("perf_rings", "perf-rings")
}

/// Full pipes of 1 MiB each. Some kernels keep one more page for each pipe, in no counter either.
pub(super) fn pipes() -> Scenario {
    held("pipes_machine", &["pipes", "--mib", MIB, "--each-kib", "1024"])
}

/// Messages in Unix sockets.
pub(super) fn streams() -> Scenario {
    held("streams_machine", &["sockets", "--kind", "stream", "--mib", MIB])
}

fn rings(name: &str, shape: &str) -> Scenario {
    held(name, &[shape, "--mib", MIB])
}

fn held(name: &str, shape: &[&str]) -> Scenario {
    let scenario = on_machine(name, shape).because(&["unexplained"]);
    scenario.unexplained(UNEXPLAINED.0, UNEXPLAINED.1)
}
