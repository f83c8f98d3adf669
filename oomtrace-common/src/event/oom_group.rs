//! `mem_cgroup_get_oom_group` found a cgroup with `memory.oom.group`: all of it is killed.

/// The kill scope.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct OomGroup {
    /// Kernfs id of the cgroup.
    pub memcg: u64,
    /// Always 0.
    pub reserved: u64,
}
