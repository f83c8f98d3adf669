//! Whose process ids we see.

use std::{fs, path::Path};

/// The machine's own pid namespace has this number, on every kernel.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/proc_ns.h#L47> (`PROC_PID_INIT_INO`)
const MACHINES: &str = "pid:[4026531836]";

/// Whether a process has the id here that the kernel tells. In a pid namespace below the machine's (a container's, say) it has another one, and the
/// kernel's may be somebody else's. A kernel without such namespaces has no such file.
#[must_use]
pub fn has_machines_pids() -> bool {
    fs::read_link("/proc/self/ns/pid").map_or(true, |name| name == Path::new(MACHINES))
}
