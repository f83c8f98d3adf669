//! Kills that belong together.

use serde::Serialize;

use crate::{
    bytes::ByteString,
    incident::{Incident, Link},
};

/// The place of an incident among kills that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// `id` of the first incident.
    pub id: String,
    /// The number of that incident, if the incidents of recordings are counted. JSON does not have it.
    #[serde(skip)]
    pub number: Option<u64>,
    /// Number of incidents so far, this one included.
    pub position: u64,
    /// Time since the first, ns.
    pub since_ns: u64,
    /// Why it belongs to the chain.
    pub link: Link,
    /// The incident before.
    pub previous: Previous,
}

/// The incident before, in a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Previous {
    /// Its `id`.
    pub id: String,
    /// How long before, ns.
    pub before_ns: u64,
    /// Process id of its victim.
    pub pid: Option<i32>,
    /// Name of its victim's process.
    pub comm: Option<ByteString>,
}

pub(super) fn chain(incident: &Incident) -> Option<Chain> {
    let known = incident.chain.as_ref()?;
    let before = |at: u64| incident.boot_ns.saturating_sub(at);
    let victim = &known.previous;
    Some(Chain {
        id: super::id(known.first_ns),
        number: None,
        position: known.position,
        since_ns: before(known.first_ns),
        link: known.link,
        previous: Previous {
            id: super::id(known.previous_ns),
            before_ns: before(known.previous_ns),
            pid: victim.pid,
            comm: victim.leader_comm.clone().or_else(|| victim.comm.clone()),
        },
    })
}
