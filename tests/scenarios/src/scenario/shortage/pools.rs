//! Huge pages: set apart for those who ask for them by name.

use super::{Scenario, on_machine};

/// How many of 2 MiB each.
const POOL: (&str, &str) = ("vm/nr_hugepages", "100");

/// A pool that nobody uses.
pub(super) fn reserved() -> Scenario {
    pool("huge_pages_reserved", &["idle"])
}

/// A pool that a process has mapped: no part of it is in its resident size.
pub(super) fn mapped() -> Scenario {
    pool("huge_pages_mapped", &["huge-pages", "--mib", "180"])
}

fn pool(name: &str, shape: &[&str]) -> Scenario {
    let mut scenario = on_machine(name, shape).sysctl(POOL.0, POOL.1);
    // With pages of 16 KiB, the default is 32 MiB.
    scenario.machine.command_line = "default_hugepagesz=2M".to_owned();
    // Where the pools were not read, no counter covers them.
    scenario.because(&["huge_pages", "unexplained"]).unexplained(0, 220)
}
