//! Where the memory was: the account of the machine, or of the cgroup that ran out, and the reasons why free memory and
//! reclaim did not help. Pure, and built on an incident alone.
//!
//! The parts of an account never overlap and add up to its total. What no counter explains is a part of its own.

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

pub(crate) use self::words::share;
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

/// Where the memory of the machine or of a cgroup was at a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Whose memory.
    pub of: Whole,
    /// What the parts add up to: the memory that the page allocator manages, or the usage of the cgroup.
    pub total_bytes: u64,
    /// Anonymous memory and page tables of all candidates that could be chosen: the most that kills could free. `None`
    /// where the ballot was not seen whole.
    pub candidates_bytes: Option<u64>,
    /// How much of that the victims of the decision held. `None` where that was not seen.
    pub victim_bytes: Option<u64>,
    /// Pages on the unevictable list (mlocked memory, ramfs and the like), which are in the parts as well.
    pub locked_bytes: Option<u64>,
    /// Dirty pages and pages under writeback, which are in the parts as well.
    pub dirty_bytes: Option<u64>,
    /// Anonymous memory of the victims that `memory.stat`, read later, no longer had. It is in the part `anon`.
    pub returned_bytes: Option<u64>,
    /// The part that no counter explains.
    pub unexplained_bytes: u64,
    /// The parts, largest first.
    pub parts: Vec<Part>,
    /// Who holds the memory where a kill does not reach it.
    pub holder: Option<Holder>,
    /// Why free memory and reclaim did not help, most telling first.
    pub reasons: Vec<Reason>,
}

/// Whose memory an account is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whole {
    /// The machine's.
    Machine,
    /// The cgroup's that ran out.
    Cgroup,
}

impl Whole {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Cgroup => "cgroup",
        }
    }
}

impl Account {
    /// Bytes of a part; 0 where there is none.
    #[must_use]
    pub fn bytes_of(&self, what: What) -> u64 {
        let parts = self.parts.iter().filter(|part| part.what == what);
        parts.fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// How much of it the allocation could have had at all: not what is free in other zones and on other nodes.
    #[must_use]
    pub fn reach_bytes(&self) -> u64 {
        let elsewhere = self.bytes_of(What::FreeOtherZone).saturating_add(self.bytes_of(What::FreeOtherNode));
        self.total_bytes.saturating_sub(elsewhere)
    }

    /// How much of it no kill frees: shared memory in files, kernel memory of no process, huge pages and the page cache that
    /// reclaim could not drop. Parts of which that is not known do not count.
    #[must_use]
    pub fn stays_bytes(&self) -> u64 {
        let stays = self.parts.iter().filter(|part| part.stays());
        stays.fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// How much of it is free memory of any kind.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        let free = self.parts.iter().filter(|part| part.what.is_free());
        free.fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// How much of it is in use, is nothing that reclaim frees, and may or may not go with a kill: that is not known.
    #[must_use]
    pub fn unknown_bytes(&self) -> u64 {
        let unknown = self.parts.iter().filter(|part| part.is_unknown());
        unknown.fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// The reason that tells more than that memory was used up; `None` where there is none.
    #[must_use]
    pub fn telling(&self) -> Option<&Reason> {
        self.reasons.first().filter(|reason| reasons::is_telling(reason, self))
    }

    /// One clause for the sentence, where the account says something that the victim does not.
    #[must_use]
    pub fn clause(&self) -> Option<String> {
        words::clause(self)
    }
}
