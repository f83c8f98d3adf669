//! What a kernel may lack.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something a scenario needs and not every kernel has. The guest looks for it by trying, so that a
/// scenario is called not applicable only where the feature is really missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// The memory controller of cgroup v1 can be mounted (`CONFIG_MEMCG_V1`, a choice from 6.11 on).
    MemcgV1,
    /// A cgroup can be killed as a whole (`cgroup.kill`, since 5.14).
    CgroupKill,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MemcgV1 => "MEMCG_V1",
            Self::CgroupKill => "cgroup.kill",
        })
    }
}
