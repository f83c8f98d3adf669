//! What is read about memory cgroups: where they are mounted, their paths, limits, usage and pressure.

pub mod cgroup_paths;
pub mod cgroupfs;
pub(super) mod kernfs;
pub mod memcg;
pub mod memory_stat;
pub mod pressure;
