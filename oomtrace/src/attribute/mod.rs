//! Who that was. This version attributes cgroups; containers, pods and units will stand beside it.

pub mod cgroup;
