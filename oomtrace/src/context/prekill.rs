//! A kill that a killer in user space announces before it kills.

use serde::{Deserialize, Serialize};

use super::Stall;
use crate::bytes::ByteString;

/// Maximum number of processes in a [`Snapshot`].
pub const PREKILL_PROCESSES: usize = 16;

/// The announcement of a killer in user space, such as systemd-oomd, that it is about to kill the processes of a cgroup. It is sent
/// when it arrives, and again with the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prekill {
    /// When the announcement arrived, `CLOCK_BOOTTIME` ns. With the cgroup, it identifies the announcement.
    pub announced_ns: u64,
    /// Path of the cgroup below the mount of the hierarchy, as it was announced.
    pub cgroup: ByteString,
    /// Kernfs id of the cgroup; absent if it did not exist.
    #[serde(default)]
    pub memcg: Option<u64>,
    /// Process id of the killer; absent if oomtrace runs in another pid namespace.
    #[serde(default)]
    pub pid: Option<i32>,
    /// Name of the killer; absent if it could not be read.
    #[serde(default)]
    pub comm: Option<ByteString>,
    /// The cgroup before the kill; absent in the first frame, and if nothing could be read.
    #[serde(default)]
    pub snapshot: Option<Snapshot>,
}

impl Prekill {
    /// Whether two frames are about the same announcement.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.announced_ns == other.announced_ns && self.cgroup == other.cgroup
    }
}

/// What was read about a cgroup while its processes were about to be killed. Some may already have been dead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the reading began, `CLOCK_BOOTTIME` ns.
    pub from_ns: u64,
    /// When it ended.
    pub to_ns: u64,
    /// `memory.current`, bytes. On v1, `memory.usage_in_bytes`.
    #[serde(default)]
    pub usage_bytes: Option<u64>,
    /// `memory.swap.current`, bytes; absent on v1.
    #[serde(default)]
    pub swap_bytes: Option<u64>,
    /// `anon` of `memory.stat`, bytes. On v1, `total_rss`.
    #[serde(default)]
    pub anon_bytes: Option<u64>,
    /// `file` of `memory.stat`, bytes, with shared memory. On v1, `total_cache`.
    #[serde(default)]
    pub file_bytes: Option<u64>,
    /// `shmem` of `memory.stat`, bytes. On v1, `total_shmem`.
    #[serde(default)]
    pub shmem_bytes: Option<u64>,
    /// `memory.pressure`; absent on v1, and if PSI is off.
    #[serde(default)]
    pub stall: Option<Stall>,
    /// The number of processes in the cgroup and below it; absent if not all cgroups could be read.
    #[serde(default)]
    pub processes_total: Option<u64>,
    /// Whether the memory of every process was read. Otherwise a larger one may be missing in `processes`.
    #[serde(default)]
    pub all_compared: bool,
    /// The largest processes, the largest first, at most [`PREKILL_PROCESSES`].
    #[serde(default)]
    pub processes: Vec<PrekillProcess>,
}

/// A process that was alive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekillProcess {
    /// Process id.
    pub pid: i32,
    /// Name of the process.
    #[serde(default)]
    pub comm: Option<ByteString>,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// The first arguments; absent if they could not be read, and with `--no-cmdline`.
    #[serde(default)]
    pub cmdline: Option<Vec<ByteString>>,
}
