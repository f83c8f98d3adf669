//! The state of the machine's memory when an allocation failed.

use std::collections::BTreeMap;

pub use crate::context::{FreeBlocks, HugePool, Node, Slab, Surroundings, SwapDevice, Tmpfs, Zone};

/// The machine's memory at the decision, or as soon after it as oomtrace could read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    /// The reader of the zones and nodes.
    pub source: StateSource,
    /// Time of the reading, `CLOCK_BOOTTIME` ns.
    pub read_ns: u64,
    /// Index in `enum zone_type` of the highest zone that this allocation may use; `None` if it is not known.
    pub class: Option<u32>,
    /// The nodes that this allocation may use; `None` means all nodes.
    pub allowed_nodes: Option<Vec<i32>>,
    /// The zones. If the kernel side read them, they are in the order in which the allocation tried them.
    /// Empty if a cgroup ran out of memory, and not the machine.
    pub zones: Vec<Zone>,
    /// Number of zones that did not fit.
    pub zones_left_out: u32,
    /// The nodes of these zones.
    pub nodes: Vec<Node>,
    /// Number of nodes that did not fit.
    pub nodes_left_out: u32,
    /// Total swap space.
    pub swap_total_bytes: Option<u64>,
    /// Unused swap space.
    pub swap_free_bytes: Option<u64>,
    /// The values of `/proc/meminfo` by their own names, read after the decision on every tier. In bytes; `HugePages_*` are
    /// counts.
    pub meminfo: Option<BTreeMap<String, u64>>,
}

/// Swap space, as the kernel side read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SwapSpace {
    /// Unused pages.
    pub(crate) free_pages: u64,
    /// All pages.
    pub(crate) total_pages: u64,
}

/// The reader of the zones and nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateSource {
    /// The kernel side, at the decision.
    #[default]
    Decision,
    /// User space, from procfs right after the decision.
    Procfs,
}

impl StateSource {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Procfs => "procfs",
        }
    }
}
