//! The state of a memory node of the zonelist at the decision.

use crate::limits::NODE_COUNTERS;

/// The counters of a node whose zones were sent. The frame ends after the last counter that was read.
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
    /// Bits such as [`Node::NODEMASK`].
    pub flags: u32,
    /// Number of values in `vm_stat`.
    pub counters: u32,
    /// Always 0.
    pub reserved: u32,
    /// `pgdat->vm_stat[]`, without the changes that each CPU has not added yet. The unit is pages, even if the name of a counter
    /// ends in `_B`. Kernel stacks are in KiB.
    pub vm_stat: [i64; NODE_COUNTERS],
}

impl Node {
    /// `oc->nodemask` was set: the allocation may use only the nodes in it.
    pub const NODEMASK: u32 = 1 << 0;
    /// The node is in `oc->nodemask`.
    pub const IN_NODEMASK: u32 = 1 << 1;
    /// The trigger's `mems_allowed` was read.
    pub const MEMS_ALLOWED: u32 = 1 << 2;
    /// The node is in the trigger's `mems_allowed`.
    pub const IN_MEMS_ALLOWED: u32 = 1 << 3;
}
