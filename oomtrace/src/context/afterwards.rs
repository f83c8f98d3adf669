//! What became of a victim's cgroup.

use serde::{Deserialize, Serialize};

use crate::bytes::ByteString;

/// Time after a victim's mark at which its cgroup is looked at, ns. Service managers start a service again after 0.1 s, and an
/// incident waits for a second for what user space does.
pub const AFTERWARDS_NS: u64 = 800_000_000;

/// The memory cgroup of a victim, some time after the kill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Afterwards {
    /// Process id of the victim, if it is known.
    #[serde(default)]
    pub victim_pid: Option<i32>,
    /// The cgroup's kernfs id.
    pub memcg: u64,
    /// Whether it no longer exists. A cgroup that was created again at the same path has another id.
    pub removed: bool,
    /// A process at the same path that has the victim's name and started after the kill.
    #[serde(default)]
    pub restarted: Option<Restarted>,
}

/// A process that was started again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarted {
    /// Its id.
    pub pid: i32,
    /// Its name.
    pub comm: ByteString,
    /// When it started, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: u64,
}
