//! The pid namespace of this process.

use std::{fs, path::Path};

/// The initial pid namespace has this number on every kernel.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/proc_ns.h#L47> (`PROC_PID_INIT_INO`)
const MACHINES: &str = "pid:[4026531836]";

/// Whether this process sees the same process ids as the kernel. In another pid namespace, such as a container's, ids differ,
/// and the kernel's id may belong to another process here. A kernel without pid namespaces does not have this file.
#[must_use]
pub fn has_machines_pids() -> bool {
    fs::read_link("/proc/self/ns/pid").map_or(true, |name| name == Path::new(MACHINES))
}
