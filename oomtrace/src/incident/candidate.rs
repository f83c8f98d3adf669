//! The tasks that the kernel evaluated, and the result for each.

use std::cmp::Reverse;

use serde::Serialize;

use super::Task;
use crate::badness;

/// The tasks of one decision, in the order in which the kernel evaluated them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ballot {
    /// The tasks that were kept.
    pub candidates: Vec<Candidate>,
    /// Number of kernel threads among the evaluated tasks. They are counted but not kept.
    pub kernel_threads: u32,
    /// Number of tasks that did not fit.
    pub left_out: u32,
    /// The highest points among the tasks that did not fit, if any had points.
    pub left_out_points: Option<i64>,
    /// Whether `oom_badness` was seen to return for at least one task. If it never was, its hook does not fire, and missing
    /// points mean nothing.
    pub badness_seen: bool,
}

/// A task that the kernel evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// The thread group's leader. Its counters are read separately from the kernel's own reading and may differ by the batch
    /// size of `percpu_counter`.
    /// They are absent if the leader has exited and another thread has the memory.
    pub task: Task,
    /// The return value of `oom_badness`, in pages; `LONG_MAX` for an `oom_flag_origin` task.
    /// Absent if the kernel passed the task over, or if the hook is not attached.
    pub points: Option<i64>,
    /// Why the kernel could not choose it.
    pub passed_over: Option<PassedOver>,
}

/// Why the kernel could not choose a task.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L309> (`oom_evaluate_task`, `oom_badness`)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedOver {
    /// It is the init process of the root pid namespace.
    Init,
    /// Its `oom_score_adj` is -1000.
    #[serde(rename = "oom_score_adj_min")]
    AdjMin,
    /// It was already a victim and still dying. The kernel stopped the evaluation and chose no task.
    AlreadyVictim,
    /// Its memory was already reaped, or cannot be reaped.
    OomSkip,
    /// It uses its parent's memory after `vfork`.
    InVfork,
    /// It no longer has memory of its own.
    NoMemory,
    /// It may not use the nodes that ran out of memory.
    NotEligible,
}

impl PassedOver {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::Init,
        Self::AdjMin,
        Self::AlreadyVictim,
        Self::OomSkip,
        Self::InVfork,
        Self::NoMemory,
        Self::NotEligible,
    ];

    /// The name in reports.
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
    /// Whether it is unknown if the task could have been chosen: the hook on `oom_badness` is not attached or does not fire.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.points.is_none() && self.passed_over.is_none()
    }
}

impl Ballot {
    /// Number of tasks that the ballot covers, including those without a row.
    #[must_use]
    pub fn evaluated(&self) -> u64 {
        let rows = u64::try_from(self.candidates.len()).unwrap_or(u64::MAX);
        rows.saturating_add(u64::from(self.kernel_threads)).saturating_add(u64::from(self.left_out))
    }

    /// Whether the ballot contains every task that has points.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.left_out == 0
    }

    /// Returns the task with the most points, by the kernel's rules.
    #[must_use]
    pub fn winner(&self) -> Option<&Candidate> {
        let ranked = self.candidates.iter().filter_map(|candidate| Some((candidate, candidate.points?)));
        badness::choose(ranked).map(|(winner, _)| winner)
    }

    /// Returns the candidates, highest points first. Of equal candidates, the one evaluated last comes first.
    /// Tasks that were passed over come at the end, in the kernel's order.
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
    fn ranks_by_points_and_prefers_the_last_of_equals() {
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
