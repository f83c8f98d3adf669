//! Accounts for the domain's current memory: how much kills would free, and how much they would not.

use std::{collections::BTreeMap, rc::Rc};

use oomtrace_common::event::Memcg;
use serde::Serialize;

use super::{Census, Domain, Kind, judge};
use crate::{
    account::{self, Account, Part, Reason, ReasonCode},
    incident::{Ballot, Incident, MemoryState, Surroundings},
};

/// The facts that an account needs, as currently read from procfs and cgroupfs.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The domain, which has the id [`DOMAIN`], and the cgroups above it.
    pub levels: BTreeMap<u64, Memcg>,
    /// `memory.stat` of the domain.
    pub stat: Option<BTreeMap<String, u64>>,
    /// Zones, nodes and `/proc/meminfo`.
    pub state: MemoryState,
    /// Swap devices, huge pages, tmpfs mounts and the like.
    pub surroundings: Surroundings,
}

/// The domain's id among the levels.
pub const DOMAIN: u64 = 1;

/// The account of the domain's memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// The sum of the parts: the usage of the cgroup, or all memory that the page allocator manages.
    pub total_bytes: u64,
    /// The part of it that neither reclaim nor a kill frees.
    pub stays_bytes: u64,
    /// The part of it that a kill may or may not free.
    pub unknown_bytes: u64,
    /// The most that kills of all candidates would free.
    pub candidates_bytes: Option<u64>,
    /// The parts, largest first.
    pub parts: Vec<Part>,
    /// Why reclaim would not help, the most informative reason first.
    pub reasons: Vec<Reason>,
}

/// Returns the account of the domain, or `None` if its memory was not read.
pub(super) fn memory(census: &Census, domain: &Domain, look: Look) -> Option<Memory> {
    let incident = incident(census, domain, look);
    let account = match domain.kind {
        Kind::System => account::of_machine(&incident)?,
        Kind::Memcg => account::of_cgroup(&incident, DOMAIN)?,
    };
    let (stays_bytes, unknown_bytes) = (account.stays_bytes(), account.unknown_bytes());
    let Account { total_bytes, candidates_bytes, parts, mut reasons, .. } = account;
    // Free memory is not a reason as long as memory is not short.
    reasons.retain(|reason| reason.code != ReasonCode::PercpuLists);
    Some(Memory { total_bytes, stays_bytes, unknown_bytes, candidates_bytes, parts, reasons })
}

/// Builds an incident that has not happened: no task requested memory, and none was killed.
fn incident(census: &Census, domain: &Domain, look: Look) -> Incident {
    let candidates = census.found.iter().map(|found| judge(&found.task, domain, census)).collect();
    let ballot = Ballot { candidates, kernel_threads: census.kernel_threads, ..Ballot::default() };
    Incident {
        page_bytes: Some(census.page_size),
        ballot: Some(ballot),
        memcgs: look.levels,
        memory_stat: look.stat.map(Rc::new),
        memory_stat_of: (domain.kind == Kind::Memcg).then_some(DOMAIN),
        memory_state: Some(Rc::new(look.state)),
        surroundings: Some(Rc::new(look.surroundings)),
        ..Incident::default()
    }
}
