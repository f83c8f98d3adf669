//! What the processes of the domain hold, by the counters of the ballot: all of them, those that could be chosen, and the victims.

use crate::incident::{Candidate, Counters, Incident, PassedOver, Task};

/// Sums over processes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// How many processes have memory of their own.
    pub(super) count: u64,
    /// Anonymous resident memory of all.
    pub(super) anon: u64,
    /// Shared resident memory of all, each counted by itself.
    pub(super) shmem: u64,
    /// Page tables of all.
    pub(super) tables: u64,
    /// Anonymous resident memory of those that could be chosen.
    pub(super) candidates_anon: u64,
    /// Page tables of those.
    pub(super) candidates_tables: u64,
}

impl Members {
    /// `None` where the ballot was not seen whole.
    pub(super) fn of(incident: &Incident) -> Option<Self> {
        let ballot = incident.ballot.as_ref().filter(|ballot| ballot.is_whole())?;
        let mut members = Self::default();
        for candidate in &ballot.candidates {
            let Some(counters) = counters(incident, candidate) else { continue };
            let bytes = |pages: u64| pages.saturating_mul(incident.page_size());
            members.count = members.count.saturating_add(1);
            members.anon = members.anon.saturating_add(bytes(counters.anon_pages));
            members.shmem = members.shmem.saturating_add(bytes(counters.shmem_pages));
            members.tables = members.tables.saturating_add(counters.pgtables_bytes);
            if can_be_chosen(candidate) {
                members.candidates_anon = members.candidates_anon.saturating_add(bytes(counters.anon_pages));
                members.candidates_tables = members.candidates_tables.saturating_add(counters.pgtables_bytes);
            }
        }
        Some(members)
    }
}

/// Whether a kill can reach it. Where the points were not seen, nothing speaks against it.
pub(super) const fn can_be_chosen(candidate: &Candidate) -> bool {
    matches!(candidate.passed_over, None | Some(PassedOver::AlreadyVictim))
}

/// The counters of a candidate, or of the thread that was killed for its process where the leader is gone.
pub(super) fn counters(incident: &Incident, candidate: &Candidate) -> Option<Counters> {
    let of_victim = || incident.victims.iter().find(|victim| victim.task.is_same_process(&candidate.task));
    of(&candidate.task).or_else(|| of(&of_victim()?.task))
}

/// A task's counters: the exact sums where they were read.
pub(super) fn of(task: &Task) -> Option<Counters> {
    task.exact.or(task.memory)
}

/// Anonymous memory and page tables that the victims of the decision held, in bytes. `None` where nobody died or nothing
/// was seen.
pub(super) fn of_victims(incident: &Incident) -> Option<(u64, u64)> {
    let decided = incident.victims.iter().filter(|victim| victim.role.is_of_decision() && owns(victim.role));
    let counters = decided.filter_map(|victim| of(&victim.task));
    let bytes = |counters: Counters| {
        (counters.anon_pages.saturating_mul(incident.page_size()), counters.pgtables_bytes)
    };
    counters.map(bytes).reduce(|sum, next| (sum.0.saturating_add(next.0), sum.1.saturating_add(next.1)))
}

/// Whether the memory is counted with this victim: those that share it have the same.
const fn owns(role: crate::incident::Role) -> bool {
    !matches!(role, crate::incident::Role::SharedMm)
}
