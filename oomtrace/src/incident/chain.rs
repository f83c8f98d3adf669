//! Chains: kills that are related.

use serde::Serialize;

use super::Task;

/// The place of an incident in a chain of two or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Time of the first incident, `CLOCK_BOOTTIME` ns. It identifies the chain.
    pub first_ns: u64,
    /// Position of this incident in the chain, counted from 1. At least 2.
    pub position: u64,
    /// Why the incident belongs to the chain.
    pub link: Link,
    /// Time of the previous incident, `CLOCK_BOOTTIME` ns.
    pub previous_ns: u64,
    /// The process that the previous incident killed.
    pub previous: Task,
}

/// Why an incident belongs to a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// An earlier victim of the chain was still alive and held memory that the kernel could not free.
    StuckVictim,
    /// The same memory ran out within seconds.
    SameDomain,
    /// A process of the same name was killed in the same place: it had been restarted.
    SameVictim,
    /// The same user-space process sent another kill within seconds.
    SameSender,
}

impl Link {
    /// All links.
    pub const ALL: [Self; 4] = [Self::StuckVictim, Self::SameDomain, Self::SameVictim, Self::SameSender];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StuckVictim => "stuck_victim",
            Self::SameDomain => "same_domain",
            Self::SameVictim => "same_victim",
            Self::SameSender => "same_sender",
        }
    }
}
