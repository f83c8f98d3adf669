//! Processes that hold memory and keep running: those that could not be chosen, earlier victims that did not exit, and victims
//! of this decision that did not exit.

use super::words::{name, size};
use crate::incident::{Candidate, ClosedBy, Incident, PassedOver, Role, Task, Victim};

/// The reason why no process could be killed.
pub(super) fn none_killable(incident: &Incident) -> String {
    let Some(ballot) = incident.ballot.as_ref().filter(|ballot| ballot.is_whole()) else {
        return "no process in it can be killed".to_owned();
    };
    if ballot.candidates.is_empty() {
        return "there is no process in it to kill".to_owned();
    }
    let largest = ballot.candidates.iter().max_by_key(|row| held_bytes(incident, &row.task));
    let why = largest.and_then(|row| {
        let reason = reason(row.passed_over?)?;
        Some(format!(
            ": {} holds {} and {reason}",
            name(incident, &row.task),
            size(held_bytes(incident, &row.task))
        ))
    });
    format!("no process in it can be killed{}", why.unwrap_or_default())
}

const fn reason(passed_over: PassedOver) -> Option<&'static str> {
    match passed_over {
        PassedOver::Init => Some("is the init process"),
        PassedOver::AdjMin => Some("has oom_score_adj -1000"),
        PassedOver::OomSkip => Some("was killed before"),
        PassedOver::InVfork => Some("is in vfork"),
        PassedOver::AlreadyVictim | PassedOver::NoMemory | PassedOver::NotEligible => None,
    }
}

/// A clause for the sentence: an earlier victim that still holds memory, and a victim that did not exit.
pub(super) fn note(incident: &Incident) -> Option<String> {
    let earlier = stuck(incident).map(|row| {
        let held = size(held_bytes(incident, &row.task));
        format!("; {} was killed before, has not exited and still holds {held}", name(incident, &row.task))
    });
    let own = alive(incident).next().map(|victim| {
        format!("; {} had not exited when the incident was closed", name(incident, &victim.task))
    });
    earlier.or(own)
}

/// The same for the evidence, with exact figures.
pub(super) fn evidence(incident: &Incident) -> Vec<String> {
    let earlier = stuck(incident).map(|row| {
        let held = held_bytes(incident, &row.task);
        format!(
            "{} was killed before and has not exited; {held} bytes were not freed (MMF_OOM_SKIP), so the kernel chose again",
            name(incident, &row.task)
        )
    });
    let own = alive(incident).map(|victim| {
        let reaped = match victim.reap_end_ns {
            Some(_) => "the reaper has finished",
            None => "the reaper has not finished",
        };
        format!("{} had not exited when the incident was closed; {reaped}", name(incident, &victim.task))
    });
    earlier.into_iter().chain(own).collect()
}

/// How many victims were not seen to exit.
pub(super) fn count_alive(incident: &Incident) -> usize {
    alive(incident).count()
}

/// The earlier victim that holds most memory. The kernel passes over a task that the reaper has finished with, even if nothing
/// was freed.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L627>
fn stuck(incident: &Incident) -> Option<&Candidate> {
    incident.choice.as_ref()?;
    let rows = incident.ballot.iter().flat_map(|ballot| &ballot.candidates);
    let reaped = rows.filter(|row| row.passed_over == Some(PassedOver::OomSkip));
    reaped.filter(|row| held_bytes(incident, &row.task) > 0).max_by_key(|row| held_bytes(incident, &row.task))
}

/// Victims whose exit was not seen before the incident was closed, if oomtrace sees exits. A process that only shares a
/// victim's memory need not exit.
fn alive(incident: &Incident) -> impl Iterator<Item = &Victim> {
    let seen = incident.session.as_ref().is_some_and(|session| session.has_hook("sched_process_exit"));
    let over = matches!(incident.closed_by, Some(ClosedBy::Timeout | ClosedBy::EndOfStream));
    let alive = |victim: &&Victim| {
        victim.exit_ns.is_none()
            && victim.marked
            && victim.role != Role::SharedMm
            && victim.sigkill_ns.is_some()
    };
    incident.victims.iter().filter(alive).filter(move |_| seen && over && incident.lost_frames == 0)
}

fn held_bytes(incident: &Incident, task: &Task) -> u64 {
    task.memory.map_or(0, |memory| memory.resident_pages().saturating_mul(incident.page_size()))
}
