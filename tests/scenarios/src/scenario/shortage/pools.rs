//! Huge pages: memory that only processes that request huge pages can use.

use super::{Scenario, on_machine};

/// The sysctl with the number of huge pages, of 2 MiB each.
const POOL: (&str, &str) = ("vm/nr_hugepages", "100");

/// A pool that no process uses.
pub(super) fn reserved() -> Scenario {
    pool("huge_pages_reserved", &["idle"])
}

/// A pool that a process has mapped. The pool does not count in the process's resident size.
pub(super) fn mapped() -> Scenario {
    pool("huge_pages_mapped", &["huge-pages", "--mib", "180"])
}

fn pool(name: &str, shape: &[&str]) -> Scenario {
    let mut scenario = on_machine(name, shape).sysctl(POOL.0, POOL.1);
    // With pages of 16 KiB, the default size of a huge page is 32 MiB.
    scenario.machine.command_line = "default_hugepagesz=2M".to_owned();
    // If the pools were not read, no counter covers them.
    scenario.because(&["huge_pages", "unexplained"]).unexplained(0, 220)
}
