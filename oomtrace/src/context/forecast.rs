//! Memory that runs out soon if it grows as before.

use serde::{Deserialize, Serialize};

use super::ProcessHistory;
use crate::bytes::ByteString;

/// The samples that point to a shortage, once for each approach to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// The time before memory runs out within which a forecast is announced, ns.
    pub horizon_ns: u64,
    /// Kernfs id of the cgroup; absent for the machine.
    #[serde(default)]
    pub memcg: Option<u64>,
    /// Path of the cgroup below the mount of the hierarchy.
    #[serde(default)]
    pub path: Option<ByteString>,
    /// The cgroup's limit, or `MemTotal`, bytes.
    #[serde(default)]
    pub limit_bytes: Option<u64>,
    /// The limit and the swap that may be used, bytes.
    pub capacity_bytes: u64,
    /// When each sample was taken, `CLOCK_BOOTTIME` ns, oldest first.
    pub at_ns: Vec<u64>,
    /// Usage without page cache, with swap, at those times.
    pub held_bytes: Vec<u64>,
    /// The processes that grew most.
    #[serde(default)]
    pub processes: Vec<ProcessHistory>,
}
