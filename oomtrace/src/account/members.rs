//! Sums up the memory of the domain's processes from the ballot's counters: all processes, those that could be chosen, and the
//! victims.

use crate::incident::{Candidate, Counters, Incident, PassedOver, Task};

/// Sums over processes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// Number of processes that have memory of their own.
    pub(super) count: u64,
    /// Anonymous resident memory of all processes.
    pub(super) anon: u64,
    /// Shared resident memory of all processes. Memory shared by several processes counts once for each.
    pub(super) shmem: u64,
    /// Page tables of all processes.
    pub(super) tables: u64,
    /// Anonymous resident memory of the processes that could be chosen.
    pub(super) candidates_anon: u64,
    /// Page tables of the processes that could be chosen.
    pub(super) candidates_tables: u64,
}

impl Members {
    /// Sums up the ballot. Returns `None` if the recording does not contain all of it.
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

/// Returns whether a kill can reach this candidate. If its points are not recorded, this function assumes that it can.
pub(super) const fn can_be_chosen(candidate: &Candidate) -> bool {
    matches!(candidate.passed_over, None | Some(PassedOver::AlreadyVictim))
}

/// Returns the counters of a candidate. If the leader has exited, returns those of its thread that was killed.
pub(super) fn counters(incident: &Incident, candidate: &Candidate) -> Option<Counters> {
    let of_victim = || incident.victims.iter().find(|victim| victim.task.is_same_process(&candidate.task));
    of(&candidate.task).or_else(|| of(&of_victim()?.task))
}

/// Returns a task's counters, preferably the exact sums.
pub(super) fn of(task: &Task) -> Option<Counters> {
    task.exact.or(task.memory)
}

/// Returns the anonymous memory and page tables of the decision's victims, in bytes. Returns `None` if no process died or no
/// counters were recorded.
pub(super) fn of_victims(incident: &Incident) -> Option<(u64, u64)> {
    let decided = incident.victims.iter().filter(|victim| victim.role.is_of_decision() && owns(victim.role));
    let counters = decided.filter_map(|victim| of(&victim.task));
    let bytes = |counters: Counters| {
        (counters.anon_pages.saturating_mul(incident.page_size()), counters.pgtables_bytes)
    };
    counters.map(bytes).reduce(|sum, next| (sum.0.saturating_add(next.0), sum.1.saturating_add(next.1)))
}

/// Returns whether the memory counts for this victim. Processes that share the victim's memory would count it again.
const fn owns(role: crate::incident::Role) -> bool {
    !matches!(role, crate::incident::Role::SharedMm)
}
