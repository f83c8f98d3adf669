//! Accounts for the memory of the machine, or of the cgroup that ran out, and gives the reasons why free memory and reclaim did
//! not help. The code is pure and uses only an incident.
//!
//! The parts of an account never overlap and add up to its total. Memory that no counter explains is a part of its own.

mod cgroup;
mod enough;
mod figures;
mod free;
mod holder;
mod holder_kind;
mod ledger;
mod machine;
mod members;
mod names;
mod reasons;
mod shared;
mod stat;
mod swap;
#[cfg(test)]
mod tests;
mod words;

use serde::Serialize;

pub use self::{
    cgroup::of_cgroup,
    enough::enough_bytes,
    free::may_use,
    holder::Holder,
    holder_kind::HolderKind,
    ledger::{Part, What},
    machine::of_machine,
    reasons::{Reason, ReasonCode},
};
pub(crate) use self::{swap::Swap, words::share};

/// An account of the memory of the machine or of a cgroup at a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The owner of the memory.
    pub of: Whole,
    /// The sum of the parts: the memory that the page allocator manages, or the usage of the cgroup.
    pub total_bytes: u64,
    /// Anonymous memory and page tables of all candidates that could be chosen: the most that kills could free. `None` if the
    /// recording does not contain the whole ballot.
    pub candidates_bytes: Option<u64>,
    /// The part of `candidates_bytes` that the decision's victims held. `None` if it is not recorded.
    pub victim_bytes: Option<u64>,
    /// Pages on the unevictable list (mlocked memory, ramfs and the like). The parts include them.
    pub locked_bytes: Option<u64>,
    /// Dirty pages and pages under writeback. The parts include them.
    pub dirty_bytes: Option<u64>,
    /// Anonymous memory that the victims had freed before `memory.stat` was read. The part `anon` includes it.
    pub returned_bytes: Option<u64>,
    /// Size of the part that no counter explains.
    pub unexplained_bytes: u64,
    /// The parts, largest first.
    pub parts: Vec<Part>,
    /// The holder of the memory, if a kill does not free it.
    pub holder: Option<Holder>,
    /// Why free memory and reclaim did not help, the most informative reason first.
    pub reasons: Vec<Reason>,
}

/// The owner of an account's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whole {
    /// The machine.
    Machine,
    /// The cgroup that ran out.
    Cgroup,
}

impl Whole {
    /// Returns the name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Cgroup => "cgroup",
        }
    }
}

impl Account {
    /// Returns the bytes of a part, or 0 if the account does not have it.
    #[must_use]
    pub fn bytes_of(&self, what: What) -> u64 {
        let parts = self.parts.iter().filter(|part| part.what == what);
        parts.fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Returns the memory that the allocation could have used at all: everything except free memory in other zones and on other
    /// nodes.
    #[must_use]
    pub fn reach_bytes(&self) -> u64 {
        let elsewhere = self.bytes_of(What::FreeOtherZone).saturating_add(self.bytes_of(What::FreeOtherNode));
        self.total_bytes.saturating_sub(elsewhere)
    }

    /// Returns the memory that no kill frees: shared memory in files, kernel memory without an owning process, huge pages, and
    /// page cache that reclaim could not drop. Parts for which this is not known do not count.
    #[must_use]
    pub fn stays_bytes(&self) -> u64 {
        let stays = self.parts.iter().filter(|part| part.stays());
        stays.fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Returns the free memory of all kinds.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        let free = self.parts.iter().filter(|part| part.what.is_free());
        free.fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Returns the memory in use that reclaim does not free and that a kill may or may not free.
    #[must_use]
    pub fn unknown_bytes(&self) -> u64 {
        let unknown = self.parts.iter().filter(|part| part.is_unknown());
        unknown.fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Returns the first reason if it says more than that memory was used up.
    #[must_use]
    pub fn telling(&self) -> Option<&Reason> {
        self.reasons.first().filter(|reason| reasons::is_telling(reason, self))
    }

    /// Returns the first reason if it is free memory that the allocation could not use.
    #[must_use]
    pub fn free_elsewhere(&self) -> Option<&Reason> {
        self.reasons.first().filter(|reason| reasons::is_free_elsewhere(reason.code))
    }

    /// Returns one clause for the sentence, if the account adds something to the victim.
    #[must_use]
    pub fn clause(&self) -> Option<String> {
        words::clause(self)
    }
}
