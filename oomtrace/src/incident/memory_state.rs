//! Where the memory was when an allocation failed.

use std::collections::BTreeMap;

pub use crate::context::{FreeBlocks, HugePool, Node, Slab, Surroundings, SwapDevice, Tmpfs, Zone};

/// The machine's memory at the decision, or as soon after it as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    /// Who read the zones and nodes.
    pub source: StateSource,
    /// When, `CLOCK_BOOTTIME` ns.
    pub read_ns: u64,
    /// Index in `enum zone_type` of the highest zone that this allocation may use; `None` where that is not known.
    pub class: Option<u32>,
    /// The nodes that this allocation may use; `None` for all.
    pub allowed_nodes: Option<Vec<i32>>,
    /// The zones, in the order in which the allocation tried them where the kernel side read them. Empty where a
    /// cgroup ran out, and not the machine.
    pub zones: Vec<Zone>,
    /// Zones for which there was no room.
    pub zones_left_out: u32,
    /// The nodes of these zones.
    pub nodes: Vec<Node>,
    /// Nodes for which there was no room.
    pub nodes_left_out: u32,
    /// All swap space.
    pub swap_total_bytes: Option<u64>,
    /// Unused swap space.
    pub swap_free_bytes: Option<u64>,
    /// `/proc/meminfo` by its own names, read after the decision on every tier. In bytes; `HugePages_*` are counts.
    pub meminfo: Option<BTreeMap<String, u64>>,
}

/// Who read the zones and nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateSource {
    /// The kernel side, at the decision.
    #[default]
    Decision,
    /// User space, in procfs right after the decision.
    Procfs,
}

impl StateSource {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Procfs => "procfs",
        }
    }
}
