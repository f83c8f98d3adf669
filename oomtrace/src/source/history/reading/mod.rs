//! What one sample reads: the machine, each cgroup and the large processes.

pub(super) mod cgroup;
pub(super) mod files;
pub(super) mod machine;
pub(super) mod processes;
pub(super) mod tree;
