//! Defines the memory that would run out.

use serde::Serialize;

use crate::{bytes::ByteString, cgroup::is_below};

/// The kind of domain: the machine or a memory cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// All of the machine's memory and swap.
    System,
    /// A memory cgroup with a limit.
    Memcg,
}

/// The domain that a ranking is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Domain {
    /// The kind of domain.
    pub kind: Kind,
    /// Path of the cgroup with the limit.
    pub cgroup: Option<ByteString>,
    /// The requested path, if that cgroup has no limit of its own.
    pub asked: Option<ByteString>,
    /// Its limit; `None` for the machine.
    pub limit_bytes: Option<u64>,
    /// Its current usage.
    pub usage_bytes: Option<u64>,
    /// The size that badness is measured against, in pages, including swap.
    pub total_pages: u64,
    /// Cgroups whose `memory.oom.group` is set, including the domain itself (v2 only).
    #[serde(skip)]
    pub oom_groups: Vec<ByteString>,
}

impl Domain {
    /// Returns whether a cgroup is in the domain.
    #[must_use]
    pub fn holds(&self, cgroup: &[u8]) -> bool {
        self.cgroup.as_ref().is_none_or(|own| is_below(cgroup, own.as_bytes()))
    }
}
