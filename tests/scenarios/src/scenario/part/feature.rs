//! Features that a kernel may lack.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A feature that a scenario needs and some kernels lack. The guest looks for it by trying it, so that a scenario is not
/// applicable only if the feature is really missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// The memory controller of cgroup v1 can be mounted (`CONFIG_MEMCG_V1`, a choice from 6.11 on).
    MemcgV1,
    /// The multi-gen LRU (`CONFIG_LRU_GEN`, from 6.1 on).
    LruGen,
    /// A cgroup can be killed as a whole (`cgroup.kill`, since 5.14).
    CgroupKill,
    /// The freezer of cgroup v1 (`CONFIG_CGROUP_FREEZER`), in which SIGKILL has no effect.
    Freezer,
    /// Functions can be traced through a trampoline (`CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS`, on arm64 from 6.4 on): the
    /// fentry tier.
    DirectCalls,
    /// Memory can be reserved for devices and lent to movable allocations (`CONFIG_CMA`).
    Cma,
}

impl Feature {
    /// A function in the kernel's list of symbols exactly if the kernel was built with the feature. It is the check for
    /// features that seem to be missing.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            // Writes `memory.oom_control`: <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol-v1.c>
            Self::MemcgV1 => "mem_cgroup_oom_control_write",
            // Starts the list of an address space: <https://github.com/torvalds/linux/blob/v6.12/mm/vmscan.c>
            // (`lru_gen_add_mm`)
            Self::LruGen => "lru_gen_add_mm",
            // Writes the file: <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup.c> (`cgroup_kill_write`)
            Self::CgroupKill => "cgroup_kill_write",
            // Creates a cgroup: <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/legacy_freezer.c>
            // (`freezer_css_alloc`)
            Self::Freezer => "freezer_css_alloc",
            // Attaches a direct call: <https://github.com/torvalds/linux/blob/v6.12/kernel/trace/ftrace.c>
            // (`register_ftrace_direct`)
            Self::DirectCalls => "register_ftrace_direct",
            // Allocates a part of it: <https://github.com/torvalds/linux/blob/v6.12/mm/cma.c> (`cma_alloc`)
            Self::Cma => "cma_alloc",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MemcgV1 => "MEMCG_V1",
            Self::LruGen => "LRU_GEN",
            Self::CgroupKill => "cgroup.kill",
            Self::Freezer => "CGROUP_FREEZER",
            Self::DirectCalls => "DYNAMIC_FTRACE_WITH_DIRECT_CALLS",
            Self::Cma => "CMA",
        })
    }
}
