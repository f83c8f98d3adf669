//! What only procfs and sysfs know of the machine's memory, read after a decision.

use serde::{Deserialize, Serialize};

use crate::bytes::ByteString;

/// How long surroundings stand for, ns: they are read no more often, and are those of every decision within so much of the look. They
/// hardly change in that time, and a look takes up to some milliseconds. Decisions can come by the hundred per second.
pub const SURROUNDINGS_NS: u64 = 200_000_000;

/// Swap devices, huge pages, tmpfs mounts, System V shared memory and slab caches. A figure that could not be read is
/// absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// When it was read, `CLOCK_BOOTTIME` ns.
    pub read_ns: u64,
    /// Swap devices and files.
    #[serde(default)]
    pub swaps: Option<Vec<SwapDevice>>,
    /// Pools of huge pages: by size and node, and of the whole machine (`node` is absent).
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
    /// How much of it is in use.
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
    /// Those that no process has touched yet.
    pub free: u64,
    /// Free pages that are promised to a mapping. The kernel does not count them by node.
    #[serde(default)]
    pub reserved: Option<u64>,
    /// Pages beyond the size that was set.
    #[serde(default)]
    pub surplus: Option<u64>,
}

/// A mounted tmpfs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tmpfs {
    /// Where it is mounted, as the tracer sees it.
    pub mount: ByteString,
    /// How much it holds.
    pub used_bytes: u64,
    /// How much it may hold; absent for no limit.
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
    /// Whether the kernel counts them as reclaimable; absent where it does not say.
    #[serde(default)]
    pub reclaimable: Option<bool>,
}
