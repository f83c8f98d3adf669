//! A memory node of the zonelist, as it was at the decision.

use crate::limits::NODE_COUNTERS;

/// The counters of a node whose zones were sent. The frame ends with the last counter that was read.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/mmzone.h#L1290>
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Node {
    /// `pgdat->node_id`.
    pub node: i32,
    /// Bits of [`Node::NODEMASK`] and its neighbors.
    pub flags: u32,
    /// How many of `vm_stat`.
    pub counters: u32,
    /// Always 0.
    pub reserved: u32,
    /// `pgdat->vm_stat[]`, without what CPUs hold back. In pages, also where the name of a counter ends in `_B`; kernel
    /// stacks are in KiB.
    pub vm_stat: [i64; NODE_COUNTERS],
}

impl Node {
    /// `oc->nodemask` was set: the allocation may use the nodes in it alone.
    pub const NODEMASK: u32 = 1 << 0;
    /// The node is in `oc->nodemask`.
    pub const IN_NODEMASK: u32 = 1 << 1;
    /// The trigger's `mems_allowed` was read.
    pub const MEMS_ALLOWED: u32 = 1 << 2;
    /// The node is in it.
    pub const IN_MEMS_ALLOWED: u32 = 1 << 3;
}
