//! Whom the kernel looked at, and what it made of each.

use std::cmp::Reverse;

use serde::Serialize;

use super::Task;
use crate::badness;

/// The tasks of one decision, in the order the kernel looked at them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ballot {
    /// Those that were kept.
    pub candidates: Vec<Candidate>,
    /// Kernel threads among those looked at; they are counted and not kept.
    pub kernel_threads: u32,
    /// Tasks for which there was no room.
    pub left_out: u32,
    /// The most points among those, if any had some.
    pub left_out_points: Option<i64>,
    /// Whether `oom_badness` was seen to return for any of them. Where it never was, its hook is blind: nothing follows
    /// from the absence of points.
    pub badness_seen: bool,
}

/// A task that the kernel looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// The thread group's leader. Its counters are read beside the kernel's own reading, and may be off by what
    /// `percpu_counter` batches; absent where the leader is gone and another thread has the memory.
    pub task: Task,
    /// What `oom_badness` returned, in pages; `LONG_MAX` for an `oom_flag_origin` task. Absent where the task was passed
    /// over, or where the hook is not there.
    pub points: Option<i64>,
    /// Why it could not be chosen.
    pub passed_over: Option<PassedOver>,
}

/// Why a task could not be chosen.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L309> (`oom_evaluate_task`, `oom_badness`)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedOver {
    /// The init of the root pid namespace.
    Init,
    /// Its `oom_score_adj` is -1000.
    #[serde(rename = "oom_score_adj_min")]
    AdjMin,
    /// It was a victim already and still dying: the kernel stopped looking and chose nobody.
    AlreadyVictim,
    /// Its memory was reaped already, or cannot be.
    OomSkip,
    /// It runs on its parent's memory after `vfork`.
    InVfork,
    /// It has no memory of its own any more.
    NoMemory,
    /// It may not use the nodes that ran out.
    NotEligible,
}

impl PassedOver {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Init,
        Self::AdjMin,
        Self::AlreadyVictim,
        Self::OomSkip,
        Self::InVfork,
        Self::NoMemory,
        Self::NotEligible,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::AdjMin => "oom_score_adj_min",
            Self::AlreadyVictim => "already_victim",
            Self::OomSkip => "oom_skip",
            Self::InVfork => "in_vfork",
            Self::NoMemory => "no_memory",
            Self::NotEligible => "not_eligible",
        }
    }
}

impl Candidate {
    /// Whether nothing tells if it could have been chosen: the hook on `oom_badness` is not there, or blind.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.points.is_none() && self.passed_over.is_none()
    }
}

impl Ballot {
    /// How many tasks it tells of, those without a row included.
    #[must_use]
    pub fn evaluated(&self) -> u64 {
        let rows = u64::try_from(self.candidates.len()).unwrap_or(u64::MAX);
        rows.saturating_add(u64::from(self.kernel_threads)).saturating_add(u64::from(self.left_out))
    }

    /// Whether every task that has points is here.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.left_out == 0
    }

    /// Who has most points, as the kernel counts.
    #[must_use]
    pub fn winner(&self) -> Option<&Candidate> {
        let ranked = self.candidates.iter().filter_map(|candidate| Some((candidate, candidate.points?)));
        badness::choose(ranked).map(|(winner, _)| winner)
    }

    /// Best first, of equals the one looked at last; those passed over at the end, in the kernel's order.
    #[must_use]
    pub fn ranked(&self) -> Vec<&Candidate> {
        let mut ranked: Vec<(usize, &Candidate)> = self.candidates.iter().enumerate().collect();
        ranked.sort_by_key(|(index, candidate)| match candidate.points {
            Some(points) => (0, Reverse(points), Reverse(*index), 0),
            None => (1, Reverse(0), Reverse(0), *index),
        });
        ranked.into_iter().map(|(_, candidate)| candidate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Ballot, Candidate};
    use crate::incident::Task;

    fn candidate(pid: i32, points: Option<i64>) -> Candidate {
        Candidate { task: Task { pid: Some(pid), ..Task::default() }, points, passed_over: None }
    }

    #[test]
    fn best_first_and_of_equals_the_last() {
        let candidates = vec![
            candidate(1, None),
            candidate(2, Some(7)),
            candidate(3, Some(-5)),
            candidate(4, Some(7)),
            candidate(5, None),
        ];
        let ballot = Ballot { candidates, ..Ballot::default() };
        let order: Vec<Option<i32>> = ballot.ranked().iter().map(|candidate| candidate.task.pid).collect();
        assert_eq!(order, [4, 2, 3, 1, 5].map(Some));
        assert_eq!(ballot.winner().map(|winner| winner.task.pid), Some(Some(4)));
    }
}
