//! The figures of the machine's memory that only procfs and sysfs have, read after a decision.

use serde::{Deserialize, Serialize};

use crate::bytes::ByteString;

/// The time for which surroundings are valid, ns. They are not read more often, and apply to every decision within this time of
/// the read. They hardly change in that time, a read takes up to a few milliseconds, and decisions can come by the hundred per
/// second.
pub const SURROUNDINGS_NS: u64 = 200_000_000;

/// Swap devices, huge pages, tmpfs mounts, System V shared memory and slab caches. Figures that could not be read are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// When it was read, `CLOCK_BOOTTIME` ns.
    pub read_ns: u64,
    /// Swap devices and files.
    #[serde(default)]
    pub swaps: Option<Vec<SwapDevice>>,
    /// Pools of huge pages: by size and node, and for the whole machine (`node` is absent).
    #[serde(default)]
    pub huge_pools: Option<Vec<HugePool>>,
    /// The tmpfs mounts that the tracer sees, the fullest first.
    #[serde(default)]
    pub tmpfs: Option<Vec<Tmpfs>>,
    /// Mounts that were left out of `tmpfs`.
    #[serde(default)]
    pub tmpfs_left_out: u32,
    /// Resident bytes of all System V shared memory segments that the tracer sees.
    #[serde(default)]
    pub sysv_shm_bytes: Option<u64>,
    /// The largest slab caches, the largest first.
    #[serde(default)]
    pub slabs: Option<Vec<Slab>>,
    /// Caches that were left out of `slabs`.
    #[serde(default)]
    pub slabs_left_out: u32,
}

/// A swap device or file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapDevice {
    /// Its path.
    pub name: ByteString,
    /// Its size.
    pub size_bytes: u64,
    /// The used part.
    pub used_bytes: u64,
    /// The kernel uses the highest priority first.
    pub priority: i32,
}

/// A pool of huge pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HugePool {
    /// Bytes of one page.
    pub size_bytes: u64,
    /// The memory node; absent for the sum of all nodes.
    #[serde(default)]
    pub node: Option<i32>,
    /// Pages in the pool.
    pub total: u64,
    /// Pages that no process has touched yet.
    pub free: u64,
    /// Free pages that are reserved for a mapping. The kernel does not count them by node.
    #[serde(default)]
    pub reserved: Option<u64>,
    /// Pages beyond the configured size.
    #[serde(default)]
    pub surplus: Option<u64>,
}

/// A mounted tmpfs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tmpfs {
    /// Its mount point, as the tracer sees it.
    pub mount: ByteString,
    /// Its usage.
    pub used_bytes: u64,
    /// Its size limit; absent if there is none.
    #[serde(default)]
    pub size_bytes: Option<u64>,
}

/// A slab cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slab {
    /// Its name.
    pub name: String,
    /// Bytes of its slabs.
    pub bytes: u64,
    /// Whether the kernel counts them as reclaimable; absent if it is not known.
    #[serde(default)]
    pub reclaimable: Option<bool>,
}
