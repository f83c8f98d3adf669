//! Computes the arithmetic shown beside the kernel's points: which reading of the counters to use, and what they add up to.

use super::Score;
use crate::{
    badness,
    incident::{self, Counters, Incident, Role, Task},
};

/// The counters that this kernel decides by: approximate from 6.2 to 6.19, exact sums later. Only the kernel's own points show
/// which ones it used. Without points, the exact sums are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Approximate,
    Exact,
}

impl Reading {
    /// Returns the reading that explains the points of this decision better.
    pub(super) fn of(incident: &Incident) -> Self {
        let distances = scored(incident).filter_map(|(task, points)| distances(incident, task, points));
        let sum = distances
            .fold((0_u64, 0_u64), |sum, next| (sum.0.saturating_add(next.0), sum.1.saturating_add(next.1)));
        if sum.0 < sum.1 { Self::Approximate } else { Self::Exact }
    }

    /// Returns a task's counters in this reading. If only one reading exists, that one is returned.
    pub(super) fn counters(self, task: &Task) -> Option<Counters> {
        match self {
            Self::Approximate => task.memory,
            Self::Exact => task.exact.or(task.memory),
        }
    }
}

/// Returns the tasks whose points are a sum: the chosen one and the candidates.
fn scored(incident: &Incident) -> impl Iterator<Item = (&Task, i64)> {
    let chosen = incident.choice.iter().filter(|choice| !choice.is_allocating_task());
    let candidates = incident.ballot.iter().flat_map(|ballot| &ballot.candidates);
    chosen
        .map(|choice| (&choice.task, choice.points))
        .chain(candidates.filter_map(|candidate| Some((&candidate.task, candidate.points?))))
        .filter(|(_, points)| *points != i64::MAX)
}

/// Returns the distances of the approximate and the exact counters from the points, in pages.
fn distances(incident: &Incident, task: &Task, points: i64) -> Option<(u64, u64)> {
    let wanted = points.checked_sub(adj_pages(incident, task)?)?;
    let distance = |counters: Counters| base_pages(incident, counters).map(|base| base.abs_diff(wanted));
    Some((distance(task.memory?)?, distance(task.exact?)?))
}

/// Returns the pages that badness starts from.
pub(super) fn base_pages(incident: &Incident, counters: Counters) -> Option<i64> {
    i64::try_from(counters.base_pages(incident.page_size())).ok()
}

/// Returns the pages that `oom_score_adj` adds.
pub(super) fn adj_pages(incident: &Incident, task: &Task) -> Option<i64> {
    Some(badness::adj_pages(task.oom_score_adj?, total_pages(incident)?))
}

/// Returns the size of the domain.
pub(super) fn total_pages(incident: &Incident) -> Option<u64> {
    let chosen = incident.choice.as_ref().map(|choice| choice.total_pages);
    let known = chosen.or_else(|| incident.returned.map(|returned| returned.total_pages));
    known.or_else(|| incident.empty.map(|passes| passes.total_pages)).filter(|pages| *pages > 0)
}

/// Returns the arithmetic of the chosen process beside the kernel's result.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L200> (`oom_badness`)
pub(super) fn score(incident: &Incident, reading: Reading, victim: &incident::Victim) -> Option<Score> {
    let choice = incident.choice.as_ref().filter(|_| victim.role == Role::Chosen)?;
    // The allocating-task path evaluates no process, and LONG_MAX is a rank, not a sum.
    let counted = !choice.is_allocating_task() && choice.points != i64::MAX;
    Some(Score {
        points: counted.then_some(choice.points),
        base_pages: reading.counters(&choice.task).and_then(|counters| base_pages(incident, counters)),
        adj_pages: choice.task.oom_score_adj.map(|adj| badness::adj_pages(adj, choice.total_pages)),
        total_pages: Some(choice.total_pages),
    })
}

#[cfg(test)]
mod tests {
    use super::Reading;
    use crate::incident::{Ballot, Candidate, Choice, Counters, Incident, Task};

    const fn counters(anon_pages: u64) -> Counters {
        Counters {
            total_vm_pages: 0,
            file_pages: 0,
            anon_pages,
            shmem_pages: 0,
            swap_pages: 0,
            pgtables_bytes: 0,
        }
    }

    fn candidate(points: i64) -> Candidate {
        let (memory, exact) = (Some(counters(100)), Some(counters(131)));
        let task = Task { oom_score_adj: Some(0), memory, exact, ..Task::default() };
        Candidate { task, points: Some(points), passed_over: None }
    }

    #[test]
    fn finds_the_kernels_reading_from_the_points() {
        let choice = Choice {
            task: Task::default(),
            points: 131,
            total_pages: 5000,
            constraint: 0,
            evaluated: 2,
            message: Vec::new(),
        };
        let of = |points: &[i64]| {
            let candidates = points.iter().copied().map(candidate).collect();
            let ballot = Some(Ballot { candidates, ..Ballot::default() });
            Reading::of(&Incident { choice: Some(choice.clone()), ballot, ..Incident::default() })
        };
        assert_eq!([of(&[100]), of(&[100, 115]), of(&[103, 131, 102])], [Reading::Approximate; 3]);
        assert_eq!([of(&[131]), of(&[i64::MAX]), of(&[])], [Reading::Exact; 3]);
        let task = candidate(1).task;
        assert_eq!(Reading::Approximate.counters(&task).unwrap().anon_pages, 100);
        assert_eq!(Reading::Exact.counters(&task).unwrap().anon_pages, 131);
        let old = Task { exact: None, ..task };
        assert_eq!(Reading::Exact.counters(&old).unwrap().anon_pages, 100);
    }
}
