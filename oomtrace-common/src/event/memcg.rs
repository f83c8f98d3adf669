//! A memory cgroup at the time of the frame: one level of a path. `id` and `parent` connect the levels.

use crate::limits::CGROUP_NAME_BYTES;

/// One cgroup, with the page counts of its `page_counter`s. An unlimited cgroup has the limit `PAGE_COUNTER_MAX`
/// (`LONG_MAX / PAGE_SIZE`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Memcg {
    /// Kernfs id.
    pub id: u64,
    /// Kernfs id of the parent; 0 for the root.
    pub parent: u64,
    /// Bits such as [`Memcg::COUNTERS`].
    pub present: u32,
    /// `cgroup_root.hierarchy_id`; 0 for the v2 hierarchy.
    pub hierarchy: u32,
    /// `memory.usage`.
    pub usage_pages: u64,
    /// `memory.max` (v1: `limit_in_bytes`).
    pub max_pages: u64,
    /// `memory.high`.
    pub high_pages: u64,
    /// v2: swap usage. v1: usage of memory and swap together (`memsw`).
    pub swap_usage_pages: u64,
    /// v2: `memory.swap.max`. v1: `memsw.limit_in_bytes`.
    pub swap_max_pages: u64,
    /// `memory.oom.group`: 0 or 1.
    pub oom_group: u32,
    /// Number of bytes in `name`, with its NUL; negative if the name could not be read.
    pub name_len: i32,
    /// The cgroup's own name; empty for the root.
    pub name: [u8; CGROUP_NAME_BYTES],
}

impl Memcg {
    /// `usage_pages` and `max_pages` were read.
    pub const COUNTERS: u32 = 1 << 0;
    /// `high_pages` was read.
    pub const HIGH: u32 = 1 << 1;
    /// `swap_usage_pages` and `swap_max_pages` were read.
    pub const SWAP: u32 = 1 << 2;
    /// `oom_group` was read.
    pub const OOM_GROUP: u32 = 1 << 3;
}
