//! Determines the processes that die because of a choice.

use super::{
    before::{self, victim},
    recorded::Recorded,
    scope::{self, Scope},
    vote::Recount,
};
use crate::{
    explain::{Outcome, Policy},
    incident::{Role, Task},
    whatif::{Decision, Refusal, Victim, words},
};

/// The task that the kernel would choose, and the policy.
pub(in crate::whatif) struct Chosen<'a> {
    pub(in crate::whatif) policy: Policy,
    pub(in crate::whatif) task: Option<&'a Task>,
    pub(in crate::whatif) points: Option<i64>,
    pub(in crate::whatif) margin: Option<i64>,
    pub(in crate::whatif) runner_up: Option<i32>,
    pub(in crate::whatif) total_pages: u64,
}

/// Returns the decision with its victims.
pub(in crate::whatif) fn decision<'a>(
    recorded: &Recorded<'a>,
    groups: &[(u64, bool)],
    rows: &[Recount<'a>],
    chosen: &Chosen<'a>,
    remarks: &mut Vec<String>,
) -> Result<Decision, Refusal> {
    let decision = Decision {
        happens: true,
        policy: Some(chosen.policy),
        outcome: Some(Outcome::NoKill),
        total_pages: Some(chosen.total_pages),
        points: chosen.points,
        margin_points: chosen.margin,
        runner_up_pid: chosen.runner_up,
        victims: Vec::new(),
    };
    let Some(task) = chosen.task else { return Ok(decision) };
    let as_recorded = recorded.course.choice().is_some_and(|choice| choice.task.is_same_process(task));
    let was_killed = matches!(recorded.verdict.outcome, Some(Outcome::Killed | Outcome::GroupKilled));
    if as_recorded && !was_killed {
        // The victim was already dying. No change affects that.
        let (policy, outcome) = (recorded.verdict.policy, recorded.verdict.outcome);
        return Ok(Decision { policy, outcome, victims: before::victims(recorded.incident), ..decision });
    }
    let scope = scope::of(recorded, groups, task, as_recorded);
    if scope == Scope::Unknown {
        remarks.push(words::scope_unknown(task));
    }
    let mut victims = with_group(recorded, scope, task, rows)?;
    if as_recorded {
        sharing(recorded, &mut victims);
    }
    let is_group = matches!(scope, Scope::Group(_));
    let by_points = chosen.policy == Policy::Badness;
    Ok(Decision {
        policy: Some(if is_group && by_points { Policy::OomGroup } else { chosen.policy }),
        outcome: Some(if is_group { Outcome::GroupKilled } else { Outcome::Killed }),
        victims,
        ..decision
    })
}

/// Returns the chosen process and the other processes of its group.
fn with_group<'a>(
    recorded: &Recorded<'a>,
    scope: Scope,
    task: &Task,
    rows: &[Recount<'a>],
) -> Result<Vec<Victim>, Refusal> {
    let incident = recorded.incident;
    let Scope::Group(group) = scope else { return Ok(vec![victim(incident, task, Role::Chosen)]) };
    // If the kernel examined no task, the members are known only if they died.
    if recorded.course.ballot().is_none() && incident.group == Some(group) {
        return Ok(before::victims(incident));
    }
    let members = scope::members(recorded, group, task, rows)?;
    let members = members.iter().map(|row| victim(incident, &row.candidate.task, Role::Group));
    Ok(std::iter::once(victim(incident, task, Role::Chosen)).chain(members).collect())
}

/// Adds the processes that share the victim's memory. They are known only for the recorded victim.
fn sharing(recorded: &Recorded<'_>, victims: &mut Vec<Victim>) {
    for known in before::victims(recorded.incident) {
        if known.role == Role::SharedMm && victims.iter().all(|victim| victim.pid != known.pid) {
            victims.push(known);
        }
    }
}
