//! Describes the recorded decision.

use super::recorded::{Course, Recorded};
use crate::{
    attribute::cgroup,
    badness,
    bytes::ByteString,
    incident::{Incident, Role, Task},
    whatif::{Decision, Victim, words},
};

/// Returns the decision as it was recorded.
pub(in crate::whatif) fn decision(recorded: &Recorded<'_>) -> Decision {
    let decision = Decision {
        happens: true,
        policy: recorded.verdict.policy,
        outcome: recorded.verdict.outcome,
        total_pages: Some(recorded.total_pages).filter(|pages| *pages > 0),
        victims: victims(recorded.incident),
        ..Decision::default()
    };
    let Course::Badness { choice, ballot } = recorded.course else { return decision };
    let others = ballot.candidates.iter().filter(|candidate| !candidate.task.is_same_process(&choice.task));
    let best = badness::choose(others.filter_map(|candidate| Some((candidate.task.pid, candidate.points?))));
    let next = match (best, ballot.left_out_points) {
        (Some((_, points)), Some(left_out)) if left_out > points => Some((None, left_out)),
        (None, left_out) => left_out.map(|points| (None, points)),
        (best, _) => best,
    };
    Decision {
        points: Some(choice.points),
        margin_points: next.map(|(_, points)| choice.points.saturating_sub(points)),
        runner_up_pid: next.and_then(|(pid, _)| pid),
        ..decision
    }
}

/// Returns the processes that were killed or marked.
pub(in crate::whatif) fn victims(incident: &Incident) -> Vec<Victim> {
    incident.victims.iter().map(|known| victim(incident, &known.task, known.role)).collect()
}

/// Describes a task as a victim.
pub(in crate::whatif) fn victim(incident: &Incident, task: &Task, role: Role) -> Victim {
    Victim { pid: task.pid, comm: words::comm(task), cgroup: path(incident, task), role }
}

/// Returns the path of a task's cgroup.
pub(in crate::whatif) fn path(incident: &Incident, task: &Task) -> Option<ByteString> {
    task.memcg.and_then(|id| cgroup::path(&incident.memcgs, id))
}
