//! A memory cgroup at that instant: one level of a path. Levels are joined by `id` and `parent`.

use crate::limits::CGROUP_NAME_BYTES;

/// One cgroup. Page counts as `page_counter` holds them; a limit that is off reads `PAGE_COUNTER_MAX`
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
    /// Bits of [`Memcg::COUNTERS`] and its neighbours.
    pub present: u32,
    /// `cgroup_root.hierarchy_id`: 0 is the v2 hierarchy.
    pub hierarchy: u32,
    /// `memory.usage`.
    pub usage_pages: u64,
    /// `memory.max` (v1: `limit_in_bytes`).
    pub max_pages: u64,
    /// `memory.high`.
    pub high_pages: u64,
    /// v2: swap usage. v1: memory and swap together (`memsw`).
    pub swap_usage_pages: u64,
    /// v2: `memory.swap.max`. v1: `memsw.limit_in_bytes`.
    pub swap_max_pages: u64,
    /// `memory.oom.group`: 0 or 1.
    pub oom_group: u32,
    /// Bytes of `name`, its NUL included; negative if it could not be read.
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
