//! The machine a scenario runs on.

use serde::{Deserialize, Serialize};

/// Which cgroup hierarchy holds the memory controller.
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
    /// Where the hierarchy with the memory controller is mounted.
    #[must_use]
    pub fn mount_point(self) -> &'static str {
        match self {
            Self::V2 => "/sys/fs/cgroup",
            Self::V1 => "/sys/fs/cgroup/memory",
        }
    }
}

/// A guest; scenarios with equal ones may share it.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Processors.
    pub cpus: u32,
    /// Memory nodes; with more than one, memory and processors are split evenly.
    pub nodes: u32,
    /// Swap in MiB, on zram; 0 is none.
    #[serde(default)]
    pub swap_mib: u32,
    /// Whether an emulated guest's clock goes by instructions, a nanosecond for each, whatever else the host does.
    #[serde(default)]
    pub instruction_clock: bool,
    /// Words added to the kernel's command line.
    pub command_line: String,
    /// Where the memory controller is.
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
    /// The folder it is mounted on.
    pub place: String,
    /// How much it can hold, in MiB.
    pub mib: u32,
}
