//! Zones and nodes with their memory, read by the eBPF side at the decision or from procfs right after it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A zone of a memory node. Amounts are in pages. Values that this kernel or this source does not have are absent.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/mmzone.h#L847>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// The memory node.
    pub node: i32,
    /// The kernel's name: `DMA`, `DMA32`, `Normal`, `Movable` and so on.
    pub name: String,
    /// Position in `enum zone_type`. An allocation may use the zones up to its class.
    pub index: u32,
    /// Free pages that are not on a list of one CPU.
    pub free_pages: u64,
    /// The minimum watermark. Only allocations with special rights take memory below it.
    #[serde(default)]
    pub min_pages: Option<u64>,
    /// The low watermark, at which kswapd starts.
    #[serde(default)]
    pub low_pages: Option<u64>,
    /// The high watermark, at which kswapd stops.
    #[serde(default)]
    pub high_pages: Option<u64>,
    /// The amount that is added to each watermark for a while after fragmentation. Absent in procfs before 6.1.
    #[serde(default)]
    pub boost_pages: Option<u64>,
    /// `lowmem_reserve[]`: the pages that the zone keeps back from an allocation, by the index of the allocation's class.
    #[serde(default)]
    pub reserve_pages: Vec<u64>,
    /// Pages that the page allocator manages.
    #[serde(default)]
    pub managed_pages: Option<u64>,
    /// Pages that exist, including those reserved at boot.
    #[serde(default)]
    pub present_pages: Option<u64>,
    /// Free pages of the contiguous memory allocator, which only movable allocations may use. Part of `free_pages`.
    #[serde(default)]
    pub cma_free_pages: Option<u64>,
    /// Pages reserved for atomic allocations of a higher order.
    #[serde(default)]
    pub highatomic_pages: Option<u64>,
    /// Free pages on the lists of all CPUs. Not part of `free_pages`.
    #[serde(default)]
    pub percpu_pages: Option<u64>,
    /// Free blocks by order, order 0 first.
    #[serde(default)]
    pub free_blocks: Vec<FreeBlocks>,
    /// The zone's counters, in pages, by the enumerators of `enum zone_stat_item` in lower case (`nr_free_pages`).
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
}

/// The free blocks of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeBlocks {
    /// Their number.
    pub count: u64,
    /// The migrate types that have at least one, in the kernel's order and in lower case (`unmovable`, `movable`,
    /// `reclaimable`, `highatomic`, `cma`, `isolate`). Absent if the source does not show them.
    #[serde(default)]
    pub types: Option<Vec<String>>,
}

/// A memory node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its number.
    pub node: i32,
    /// Its counters, in bytes, by the enumerators of `enum node_stat_item` in lower case (`nr_anon_mapped`,
    /// `nr_slab_unreclaimable_b`, `nr_kernel_stack_kb`). Only those that count memory.
    pub counters: BTreeMap<String, u64>,
}

/// Zones and nodes as procfs shows them, right after a decision for which the eBPF side sent none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zones {
    /// When they were read, `CLOCK_BOOTTIME` ns.
    pub read_ns: u64,
    /// The zones, in the order of `/proc/zoneinfo`.
    pub zones: Vec<Zone>,
    /// Zones that were left out because there was no space.
    #[serde(default)]
    pub zones_left_out: u32,
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// `/proc/meminfo` after a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meminfo {
    /// When it was read, `CLOCK_BOOTTIME` ns.
    pub read_ns: u64,
    /// The figures by the file's own names, in bytes, or as counts if the file has no unit.
    pub meminfo: BTreeMap<String, u64>,
}
