//! Decides whether the kernel kills the trigger without a vote.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1146> (`sysctl_oom_kill_allocating_task`)

use super::{
    recorded::{Course, Recorded},
    vote,
};
use crate::{
    badness,
    incident::Task,
    whatif::{Change, Refusal},
};

/// The init of the root pid namespace.
const INIT: i32 = 1;

/// Returns the value that the changes give the sysctl, if they do.
pub(in crate::whatif) fn requested(changes: &[Change]) -> Option<bool> {
    changes.iter().rev().find_map(|change| match change {
        Change::AllocatingTask(set) => Some(*set),
        Change::Adj { .. } | Change::Limit { .. } | Change::OomGroup { .. } | Change::Held { .. } => None,
    })
}

/// Returns the trigger if the kernel would choose it.
pub(in crate::whatif) fn taken<'a>(
    recorded: &Recorded<'a>,
    changes: &[Change],
) -> Result<Option<&'a Task>, Refusal> {
    // For a cgroup's limit the kernel ignores the sysctl.
    if recorded.domain.is_some() {
        return Ok(None);
    }
    let requested = requested(changes);
    let Some(trigger) = &recorded.incident.trigger else {
        return if requested == Some(true) {
            Err(Refusal::TriggerUnknown { what: "the task" })
        } else {
            Ok(None)
        };
    };
    if requested == Some(false) {
        return Ok(None);
    }
    let adj = vote::adj_of(recorded, changes, trigger)?.or(trigger.oom_score_adj);
    match (requested, was_set(recorded, trigger)?) {
        (None, Some(false)) => Ok(None),
        (Some(_), _) | (None, Some(true)) => Ok(is_eligible(trigger, adj)?.then_some(trigger)),
        (None, None) if is_eligible(trigger, adj)? => Err(Refusal::SysctlUnknown),
        (None, None) => Ok(None),
    }
}

/// Returns whether the sysctl was set. If the kernel had a choice, the decision itself shows it.
fn was_set(recorded: &Recorded<'_>, trigger: &Task) -> Result<Option<bool>, Refusal> {
    match recorded.course {
        Course::AllocatingTask { .. } => Ok(Some(true)),
        Course::Badness { .. } if is_eligible(trigger, trigger.oom_score_adj) == Ok(true) => Ok(Some(false)),
        Course::Badness { .. } | Course::NoneKillable { .. } => {
            Ok(recorded.incident.sysctl.and_then(|known| known.oom_kill_allocating_task).map(|set| set != 0))
        }
    }
}

/// Returns whether the kernel may choose the trigger: it has its own memory, is not an init, and is not at -1000.
fn is_eligible(trigger: &Task, adj: Option<i16>) -> Result<bool, Refusal> {
    if trigger.is_kthread() || trigger.pid == Some(INIT) {
        return Ok(false);
    }
    let adj = adj.ok_or(Refusal::TriggerUnknown { what: "oom_score_adj" })?;
    if adj != badness::ADJ_MIN && trigger.memory.is_none() {
        return Err(Refusal::TriggerUnknown { what: "the memory" });
    }
    Ok(adj != badness::ADJ_MIN)
}
