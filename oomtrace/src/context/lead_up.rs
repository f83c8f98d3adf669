//! The history of memory and processes in the minutes before a decision.
//!
//! Each history is a list of columns. The columns of one history have equal lengths, and the times in `at_ns` increase. A value
//! that was not read is `None`.

use serde::{Deserialize, Serialize};

use crate::bytes::ByteString;

/// The history that belongs to one decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadUp {
    /// The interval at which the history samples everything, ns.
    pub interval_ns: u64,
    /// When the first sample was taken, `CLOCK_BOOTTIME` ns.
    pub begun_ns: u64,
    /// When all cgroups were last listed. A cgroup without a history was created after that, or the history had no space for
    /// it.
    #[serde(default)]
    pub listed_ns: Option<u64>,
    /// Cgroups that were left out because the history had no space.
    #[serde(default)]
    pub cgroups_left_out: u32,
    /// The machine; absent if a cgroup ran out.
    #[serde(default)]
    pub machine: Option<MemoryHistory>,
    /// `MemTotal`, bytes.
    #[serde(default)]
    pub machine_bytes: Option<u64>,
    /// The cgroup that ran out, the cgroups above it, and those below it that grew most.
    #[serde(default)]
    pub cgroups: Vec<CgroupHistory>,
    /// The victims, the trigger, and the processes that grew most.
    #[serde(default)]
    pub processes: Vec<ProcessHistory>,
}

/// Memory over time, in bytes. All columns but the first two are empty if only the usage was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryHistory {
    /// When each sample was taken, `CLOCK_BOOTTIME` ns.
    pub at_ns: Vec<u64>,
    /// Usage of the cgroup. For the machine: all memory except free memory and the lists of file pages.
    pub usage_bytes: Vec<Option<u64>>,
    /// Anonymous memory.
    #[serde(default)]
    pub anon_bytes: Vec<Option<u64>>,
    /// Page cache on the LRU lists of files. Shared memory is not part of it.
    #[serde(default)]
    pub file_bytes: Vec<Option<u64>>,
    /// Shared memory and tmpfs.
    #[serde(default)]
    pub shmem_bytes: Vec<Option<u64>>,
    /// Memory of the kernel: slab, stacks, page tables and the like.
    #[serde(default)]
    pub kernel_bytes: Vec<Option<u64>>,
    /// Swap in use.
    #[serde(default)]
    pub swap_bytes: Vec<Option<u64>>,
    /// Pages that were needed again after reclaim dropped them, since the first sample.
    #[serde(default)]
    pub refaults: Vec<Option<u64>>,
    /// `avg10` of the line `some` of the pressure file: the share of ten seconds in which a task waited for memory, in
    /// thousandths.
    #[serde(default)]
    pub stall_permille: Vec<Option<u16>>,
}

/// A cgroup over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupHistory {
    /// Kernfs id.
    pub memcg: u64,
    /// Path below the mount of the hierarchy.
    #[serde(default)]
    pub path: Option<ByteString>,
    /// `memory.max` or `memory.limit_in_bytes`; absent if there is no limit.
    #[serde(default)]
    pub limit_bytes: Option<u64>,
    /// Its memory.
    pub memory: MemoryHistory,
}

/// A process over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessHistory {
    /// Process id.
    pub pid: i32,
    /// Start of the process, `CLOCK_BOOTTIME` ns, rounded down to 10 ms, as in `/proc/PID/stat`.
    #[serde(default)]
    pub start_boot_ns: Option<u64>,
    /// Its name.
    #[serde(default)]
    pub comm: Option<ByteString>,
    /// Kernfs id of its cgroup.
    #[serde(default)]
    pub memcg: Option<u64>,
    /// When each sample was taken, `CLOCK_BOOTTIME` ns.
    pub at_ns: Vec<u64>,
    /// Resident memory of all kinds.
    pub resident_bytes: Vec<u64>,
}
