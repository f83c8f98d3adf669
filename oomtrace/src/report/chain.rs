//! Describes chains of kills that belong together.

use serde::Serialize;

use crate::{
    bytes::ByteString,
    incident::{Incident, Link},
};

/// The place of an incident among kills that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The `id` of the first incident.
    pub id: String,
    /// The number of the first incident, if the incidents of recordings are counted. The JSON does not contain it.
    #[serde(skip)]
    pub number: Option<u64>,
    /// Number of incidents so far, including this one.
    pub position: u64,
    /// Time since the first incident, ns.
    pub since_ns: u64,
    /// The reason why it belongs to the chain.
    pub link: Link,
    /// The previous incident.
    pub previous: Previous,
}

/// The previous incident of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Previous {
    /// Its `id`.
    pub id: String,
    /// Time from that incident to this one, ns.
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
