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

fn rings(name: &str, shape: &str) -> Scenario {
    let scenario = on_machine(name, &[shape, "--mib", MIB]).because(&["unexplained"]);
    scenario.unexplained(UNEXPLAINED.0, UNEXPLAINED.1)
}
