//! `mem_cgroup_get_oom_group` found a cgroup with `memory.oom.group`: the kernel kills the whole cgroup.

/// The cgroup to kill.
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
