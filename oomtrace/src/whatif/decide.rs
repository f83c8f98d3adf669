//! Repeats the decision, step by step in the kernel's order.

use super::{
    Answer, Change, Decision, Refusal, SCHEMA, sentence,
    step::{
        allocating, before, holding,
        kill::{self, Chosen},
        later::{clause, later},
        limit,
        recorded::Recorded,
        room, scope,
        vote::{self, Recount},
    },
    table, words,
};
use crate::{explain::Policy, incident::Incident, report::report};

/// Repeats an incident's decision with changes.
///
/// # Errors
///
/// If the recording cannot answer.
pub fn decide_again(incident: &Incident, changes: &[Change]) -> Result<Answer, Refusal> {
    let recorded = Recorded::of(incident)?;
    everybody_named_is_there(&recorded, changes)?;
    let groups = scope::requested(&recorded, changes)?;
    let freed = holding::freed(&recorded, changes)?;
    let ground = limit::ground(&recorded, changes, &freed)?;
    let memory = room::memory(&recorded, &ground, &freed);
    let rows = vote::recount(&recorded, changes, ground.total_pages)?;
    let before = before::decision(&recorded);
    let mut remarks = ground.remarks;
    let after = if ground.happens {
        let chosen = choose(&recorded, changes, &rows, ground.total_pages)?;
        let after = kill::decision(&recorded, &groups, &rows, &chosen, &mut remarks)?;
        sentence::remarks(&recorded, changes, &groups, &after, &mut remarks);
        after
    } else {
        Decision::default()
    };
    let facts = report(incident);
    let mut answer = Answer {
        schema: SCHEMA,
        id: facts.id,
        time: facts.time,
        cause: facts.cause.code,
        page_bytes: incident.page_size(),
        changes: changes.iter().map(|change| sentence::change(&recorded, change)).collect(),
        estimated: after.points.is_some() && rows.iter().any(|row| row.estimated),
        memory,
        candidates: table::rows(&recorded, &rows, &before, &after),
        later: ground.headroom.and_then(|headroom| later(&recorded, headroom)),
        before,
        after,
        remarks,
        summary: String::new(),
    };
    answer.summary = sentence::summary(&recorded, changes, &answer);
    if let Some((later, headroom)) = answer.later.as_ref().zip(ground.headroom) {
        answer.summary.push_str(&clause(&recorded, later, headroom));
    }
    Ok(answer)
}

/// Checks that each named task exists, so that a typing mistake does not look like "nothing changes".
fn everybody_named_is_there(recorded: &Recorded<'_>, changes: &[Change]) -> Result<(), Refusal> {
    let candidates = recorded.course.ballot().map(|ballot| ballot.candidates.as_slice()).unwrap_or_default();
    // A cgroup's OOM does not check the trigger itself: the trigger may be outside the cgroup, writing `memory.max`.
    let trigger = recorded.incident.trigger.as_ref().filter(|_| recorded.domain.is_none());
    for change in changes {
        let Change::Adj { who, .. } = change else { continue };
        let mut found = false;
        // Check all candidates: a change for a cgroup needs to know the cgroup of each.
        for task in candidates.iter().map(|candidate| &candidate.task).chain(trigger) {
            found |= vote::is_selected(recorded, who, task)?;
        }
        if !found {
            return Err(Refusal::UnknownTask { what: words::who_in_vain(who) });
        }
    }
    Ok(())
}

/// Returns the task that the kernel would choose, and the policy.
fn choose<'a>(
    recorded: &Recorded<'a>,
    changes: &[Change],
    rows: &[Recount<'a>],
    total_pages: u64,
) -> Result<Chosen<'a>, Refusal> {
    let nobody = Chosen {
        policy: Policy::NoneKillable,
        task: None,
        points: None,
        margin: None,
        runner_up: None,
        total_pages,
    };
    if let Some(trigger) = allocating::taken(recorded, changes)? {
        return Ok(Chosen { policy: Policy::AllocatingTask, task: Some(trigger), ..nobody });
    }
    let ballot = recorded.course.ballot().ok_or(Refusal::NeverEvaluated)?;
    let best = vote::winner(rows);
    let resized = total_pages != recorded.total_pages;
    vote::left_out_matter(ballot, changes, resized, best.map(|(_, points)| points))?;
    let Some((winner, points)) = best else { return Ok(nobody) };
    let next = vote::runner_up(rows, winner, ballot.left_out_points);
    Ok(Chosen {
        policy: Policy::Badness,
        task: Some(&winner.candidate.task),
        points: Some(points),
        margin: next.as_ref().map(|(_, points_of_next)| points.saturating_sub(*points_of_next)),
        runner_up: next.and_then(|(row, _)| row?.candidate.task.pid),
        total_pages,
    })
}
