//! The state of a zone that the allocation could fall back to at the decision.

use crate::limits::{WATERMARKS, ZONE_CLASSES, ZONE_COUNTERS, ZONE_NAME_BYTES, ZONE_ORDERS};

/// One zone of `oc->zonelist`. Amounts are in pages. Each array has a count of its values; the count is 0 if they were not read.
/// The frame ends after the last counter that was read.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/mmzone.h#L847>
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Zone {
    /// Bits such as [`Zone::NAME`].
    pub present: u32,
    /// `zone->node`; 0 on a kernel without nodes.
    pub node: i32,
    /// `zoneref->zone_idx`: the position in `enum zone_type`.
    pub index: i32,
    /// The position in the zonelist.
    pub position: u16,
    /// Number of zones in the zonelist.
    pub zones: u16,
    /// Number of values in `watermark`.
    pub watermarks: u16,
    /// Number of values in `reserve`.
    pub classes: u16,
    /// Number of values in `free_blocks` and in `free_types`.
    pub orders: u16,
    /// Number of values in `vm_stat`.
    pub counters: u16,
    /// `zone->name`, with its NUL.
    pub name: [u8; ZONE_NAME_BYTES],
    /// `zone->watermark_boost`.
    pub boost_pages: u64,
    /// `zone->nr_reserved_highatomic`.
    pub reserved_highatomic_pages: u64,
    /// `zone->nr_free_highatomic`, since 6.12.
    pub free_highatomic_pages: u64,
    /// `zone->managed_pages`.
    pub managed_pages: u64,
    /// `zone->present_pages`.
    pub present_pages: u64,
    /// Number of free pages on the lists of all CPUs.
    pub percpu_pages: i64,
    /// `zone->_watermark[]`, without the boost.
    pub watermark: [u64; WATERMARKS],
    /// `zone->lowmem_reserve[]`.
    pub reserve: [u64; ZONE_CLASSES],
    /// `zone->free_area[].nr_free`.
    pub free_blocks: [u64; ZONE_ORDERS],
    /// A bit mask per order: one bit for each migrate type that has a free block.
    pub free_types: [u16; ZONE_ORDERS],
    /// `zone->vm_stat[]`, without the changes that each CPU has not added yet.
    pub vm_stat: [i64; ZONE_COUNTERS],
}

impl Zone {
    /// `name` was read.
    pub const NAME: u32 = 1 << 0;
    /// `boost_pages` was read.
    pub const BOOST: u32 = 1 << 1;
    /// `reserved_highatomic_pages` was read.
    pub const RESERVED_HIGHATOMIC: u32 = 1 << 2;
    /// `free_highatomic_pages` was read.
    pub const FREE_HIGHATOMIC: u32 = 1 << 3;
    /// `managed_pages` was read.
    pub const MANAGED: u32 = 1 << 4;
    /// `present_pages` was read.
    pub const PRESENT: u32 = 1 << 5;
    /// `percpu_pages` was read for every CPU.
    pub const PERCPU: u32 = 1 << 6;
}
