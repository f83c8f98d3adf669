//! Repeats the vote. A task's points are the kernel's own with the changed term exchanged, which is exact. A task without points
//! (it was at -1000) gets points from the counters read beside the decision, and the answer is marked as an estimate.

use super::{levels, recorded::Recorded};
use crate::{
    badness,
    incident::{Ballot, Candidate, PassedOver, Task},
    whatif::{Change, Refusal, Who, words},
};

/// A candidate and the kernel's treatment of it.
pub(in crate::whatif) struct Recount<'a> {
    pub(in crate::whatif) candidate: &'a Candidate,
    pub(in crate::whatif) adj: Option<i16>,
    pub(in crate::whatif) points: Option<i64>,
    pub(in crate::whatif) passed_over: Option<PassedOver>,
    pub(in crate::whatif) estimated: bool,
}

/// Returns all candidates in the kernel's order, with points for a domain of this many pages.
pub(in crate::whatif) fn recount<'a>(
    recorded: &Recorded<'a>,
    changes: &[Change],
    total_pages: u64,
) -> Result<Vec<Recount<'a>>, Refusal> {
    let Some(ballot) = recorded.course.ballot() else { return Ok(Vec::new()) };
    let each = ballot.candidates.iter().map(|candidate| {
        let adj = adj_of(recorded, changes, &candidate.task)?.or(candidate.task.oom_score_adj);
        again(recorded, candidate, adj, total_pages)
    });
    each.collect()
}

/// Returns the `oom_score_adj` that the changes give a task, if they do.
pub(in crate::whatif) fn adj_of(
    recorded: &Recorded<'_>,
    changes: &[Change],
    task: &Task,
) -> Result<Option<i16>, Refusal> {
    let mut given = None;
    for change in changes {
        if let Change::Adj { who, adj } = change
            && is_selected(recorded, who, task)?
        {
            given = Some(*adj);
        }
    }
    Ok(given)
}

/// Returns whether a task is in the selection.
pub(in crate::whatif) fn is_selected(
    recorded: &Recorded<'_>,
    who: &Who,
    task: &Task,
) -> Result<bool, Refusal> {
    match who {
        Who::Pid(pid) => Ok(task.pid == Some(*pid)),
        Who::Comm(comm) => Ok([&task.comm, &task.leader_comm].into_iter().flatten().any(|name| name == comm)),
        Who::Cgroup(cgroup) => levels::is_in(recorded.incident, recorded.domain, task, cgroup)
            .ok_or_else(|| Refusal::CgroupUnknown { task: words::name(task), cgroup: cgroup.to_words() }),
    }
}

fn again<'a>(
    recorded: &Recorded<'_>,
    candidate: &'a Candidate,
    adj: Option<i16>,
    total_pages: u64,
) -> Result<Recount<'a>, Refusal> {
    let Candidate { task, points, passed_over } = candidate;
    let row = |points, passed_over, estimated| Recount { candidate, adj, points, passed_over, estimated };
    let same = adj == task.oom_score_adj && total_pages == recorded.total_pages;
    match passed_over {
        Some(PassedOver::AdjMin) | None if same => Ok(row(*points, *passed_over, false)),
        Some(PassedOver::AdjMin) => {
            let estimate = estimate(recorded, task, adj, total_pages)?;
            Ok(row(estimate, passed_over.filter(|_| estimate.is_none()), estimate.is_some()))
        }
        // The kernel checks all other reasons independently of `oom_score_adj`.
        Some(other) => Ok(row(None, Some(*other), false)),
        // The kernel checks `oom_flag_origin` before `oom_score_adj`.
        None if *points == Some(i64::MAX) => Ok(row(*points, None, false)),
        None if adj == Some(badness::ADJ_MIN) => Ok(row(None, Some(PassedOver::AdjMin), false)),
        None => match exchanged(*points, task.oom_score_adj, recorded.total_pages, adj, total_pages) {
            Some(exact) => Ok(row(Some(exact), None, false)),
            None => Ok(row(estimate(recorded, task, adj, total_pages)?, None, true)),
        },
    }
}

/// Replaces the term of `oom_score_adj` in the kernel's points.
fn exchanged(
    points: Option<i64>,
    from: Option<i16>,
    from_total: u64,
    to: Option<i16>,
    to_total: u64,
) -> Option<i64> {
    let base = points?.checked_sub(badness::adj_pages(from?, from_total))?;
    base.checked_add(badness::adj_pages(to?, to_total))
}

/// Computes points from the counters read beside the decision.
fn estimate(
    recorded: &Recorded<'_>,
    task: &Task,
    adj: Option<i16>,
    total_pages: u64,
) -> Result<Option<i64>, Refusal> {
    let unknown = || Refusal::CountersUnknown { task: words::name(task) };
    let counters = task.exact.or(task.memory).ok_or_else(unknown)?;
    let base = counters.base_pages(recorded.incident.page_size());
    Ok(badness::points(base, adj.ok_or_else(unknown)?, total_pages))
}

/// Returns the task that the kernel would choose, with its points.
pub(in crate::whatif) fn winner<'r, 'a>(rows: &'r [Recount<'a>]) -> Option<(&'r Recount<'a>, i64)> {
    badness::choose(rows.iter().filter_map(|row| Some((row, row.points?))))
}

/// Returns the runner-up. Of the candidates without a row, only the highest points are known, not the task.
pub(in crate::whatif) fn runner_up<'r, 'a>(
    rows: &'r [Recount<'a>],
    winner: &Recount<'a>,
    left_out_points: Option<i64>,
) -> Option<(Option<&'r Recount<'a>>, i64)> {
    let others = rows.iter().filter(|row| !std::ptr::eq(row.candidate, winner.candidate));
    let best = badness::choose(others.filter_map(|row| Some((row, row.points?))));
    match (best, left_out_points) {
        (Some((_, points)), Some(left_out)) if left_out > points => Some((None, left_out)),
        (None, Some(left_out)) => Some((None, left_out)),
        (Some((row, points)), _) => Some((Some(row), points)),
        (None, None) => None,
    }
}

/// Refuses if candidates without a row could change the answer.
pub(in crate::whatif) fn left_out_matter(
    ballot: &Ballot,
    changes: &[Change],
    resized: bool,
    best: Option<i64>,
) -> Result<(), Refusal> {
    if ballot.is_whole() {
        return Ok(());
    }
    let refuse = |because| Err(Refusal::LeftOut { left_out: ballot.left_out, because });
    let several = |change: &Change| matches!(change, Change::Adj { who: Who::Comm(_) | Who::Cgroup(_), .. });
    if changes.iter().any(several) {
        return refuse("the change may apply to some of them; pass a pid");
    }
    if resized {
        return refuse("their points with another limit are not known");
    }
    // Among equals the kernel takes the later one, and the candidates without a row are the later ones.
    match (ballot.left_out_points, best) {
        (Some(left_out), Some(best)) if left_out < best => Ok(()),
        (None, _) => Ok(()),
        (Some(_), _) => refuse("one of them would have had the most points, but it is not known which one"),
    }
}

/// Returns the number of candidates that a change applies to, and one of them.
pub(in crate::whatif) fn selected<'a>(recorded: &Recorded<'a>, who: &Who) -> (usize, Option<&'a Task>) {
    let candidates = recorded.course.ballot().map(|ballot| ballot.candidates.as_slice()).unwrap_or_default();
    let answers = |task: &&Task| is_selected(recorded, who, task) == Ok(true);
    let selected: Vec<&Task> = candidates.iter().map(|candidate| &candidate.task).filter(answers).collect();
    let trigger = recorded.incident.trigger.as_ref().filter(|trigger| answers(trigger));
    match selected.first() {
        Some(first) => (selected.len(), Some(*first)),
        None => (usize::from(trigger.is_some()), trigger),
    }
}
