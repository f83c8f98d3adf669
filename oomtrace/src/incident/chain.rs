//! Chains: kills that belong together.

use serde::Serialize;

use super::Task;

/// The place of an incident in a chain of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Time of the first incident, `CLOCK_BOOTTIME` ns: with it, the chain has a name.
    pub first_ns: u64,
    /// Number of incidents so far, this one included: at least 2.
    pub position: u64,
    /// Why it belongs to the chain.
    pub link: Link,
    /// Time of the incident before, `CLOCK_BOOTTIME` ns.
    pub previous_ns: u64,
    /// The process that was killed by the incident before.
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
    /// A process of the same name was killed in the same place: it was started again.
    SameVictim,
    /// The same process of user space killed within seconds.
    SameSender,
}

impl Link {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::StuckVictim, Self::SameDomain, Self::SameVictim, Self::SameSender];

    /// Its name in reports.
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
