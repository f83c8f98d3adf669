//! The machine of a scenario.

use serde::{Deserialize, Serialize};

/// The cgroup hierarchy with the memory controller.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hierarchy {
    /// The unified hierarchy, mounted at `/sys/fs/cgroup`.
    #[default]
    V2,
    /// The old memory controller, mounted at `/sys/fs/cgroup/memory`.
    V1,
}

impl Hierarchy {
    /// The mount point of the hierarchy with the memory controller.
    #[must_use]
    pub fn mount_point(self) -> &'static str {
        match self {
            Self::V2 => "/sys/fs/cgroup",
            Self::V1 => "/sys/fs/cgroup/memory",
        }
    }
}

/// A guest. Scenarios with equal machines may share one.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Processors.
    pub cpus: u32,
    /// Memory nodes. Memory and processors are split evenly between them.
    pub nodes: u32,
    /// Swap in MiB, on zram; 0 for none.
    #[serde(default)]
    pub swap_mib: u32,
    /// Whether an emulated guest's clock counts instructions, one nanosecond each, independent of the host's load.
    #[serde(default)]
    pub instruction_clock: bool,
    /// Words added to the kernel's command line.
    pub command_line: String,
    /// The hierarchy of the memory controller.
    pub hierarchy: Hierarchy,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            memory_mib: 512,
            cpus: 2,
            nodes: 1,
            swap_mib: 0,
            instruction_clock: false,
            command_line: String::new(),
            hierarchy: Hierarchy::default(),
        }
    }
}

/// A file system in memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tmpfs {
    /// Its mount point.
    pub place: String,
    /// Its capacity in MiB.
    pub mib: u32,
}
