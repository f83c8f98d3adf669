//! What a scenario consists of: its machine, cgroups, processes with what they do, and the outcome that is known.

pub mod act;
pub(super) mod cgroup;
pub(super) mod expect;
pub(super) mod feature;
pub(super) mod machine;
pub(super) mod process;
