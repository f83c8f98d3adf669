//! The facts of the recording that are needed to repeat the decision.

use oomtrace_common::event::{Emptiness, EmptyPasses, OutOfMemory};

use crate::{
    explain::{Verdict, explain},
    incident::{Ballot, Candidate, Choice, Incident},
    whatif::{Refusal, words},
};

/// A decision that can be decided again.
pub(in crate::whatif) struct Recorded<'a> {
    pub(in crate::whatif) incident: &'a Incident,
    pub(in crate::whatif) verdict: Verdict,
    pub(in crate::whatif) course: Course<'a>,
    /// Kernfs id of the memcg that ran out; `None` when it was the machine.
    pub(in crate::whatif) domain: Option<u64>,
    /// Pages that scores are measured against.
    pub(in crate::whatif) total_pages: u64,
    /// The order of the allocation: 2^order pages were requested.
    pub(in crate::whatif) order: i32,
}

/// How the kernel chose.
pub(in crate::whatif) enum Course<'a> {
    /// By points.
    Badness { choice: &'a Choice, ballot: &'a Ballot },
    /// By `vm.oom_kill_allocating_task`: the kernel examined no task.
    AllocatingTask { choice: &'a Choice },
    /// The kernel examined all tasks, and none can be killed.
    NoneKillable { ballot: &'a Ballot },
}

impl<'a> Course<'a> {
    /// Returns the task that the kernel chose.
    pub(in crate::whatif) const fn choice(&self) -> Option<&'a Choice> {
        match self {
            Self::Badness { choice, .. } | Self::AllocatingTask { choice } => Some(choice),
            Self::NoneKillable { .. } => None,
        }
    }

    /// Returns the tasks that the kernel examined.
    pub(in crate::whatif) const fn ballot(&self) -> Option<&'a Ballot> {
        match self {
            Self::Badness { ballot, .. } | Self::NoneKillable { ballot } => Some(ballot),
            Self::AllocatingTask { .. } => None,
        }
    }
}

impl<'a> Recorded<'a> {
    pub(in crate::whatif) fn of(incident: &'a Incident) -> Result<Self, Refusal> {
        if let Some(passes) = incident.empty.as_ref().filter(|_| incident.is_empty_run()) {
            return Self::empty(incident, passes);
        }
        if incident.pass.is_none() {
            return Err(Refusal::NotSeen);
        }
        let request = incident.request.as_ref().ok_or(Refusal::NoBeginning)?;
        let because = "the trigger was already exiting";
        let choice = incident.choice.as_ref().ok_or(Refusal::NobodyChosen { because })?;
        Ok(Self {
            incident,
            verdict: explain(incident),
            course: course(incident, choice)?,
            domain: request.memcg,
            total_pages: choice.total_pages,
            order: request.order,
        })
    }

    /// Builds the decision from passes that killed no process. The first of them is repeated.
    fn empty(incident: &'a Incident, passes: &EmptyPasses) -> Result<Self, Refusal> {
        require_victim(passes)?;
        let ballot = incident.ballot.as_ref().ok_or(Refusal::NoBallot)?;
        all_are_there(ballot, passes.evaluated)?;
        let has = |bit| passes.flags & bit != 0;
        Ok(Self {
            incident,
            verdict: explain(incident),
            course: Course::NoneKillable { ballot },
            domain: has(OutOfMemory::MEMCG).then_some(passes.memcg),
            total_pages: passes.total_pages,
            order: passes.order,
        })
    }
}

/// Refuses a pass that chose no task for another reason than that all tasks were passed over.
fn require_victim(passes: &EmptyPasses) -> Result<(), Refusal> {
    let is = |emptiness| passes.emptiness == number(emptiness);
    let because = if is(Emptiness::NothingToKill) && passes.total_pages > 0 {
        return Ok(());
    } else if is(Emptiness::NothingToKill) {
        "the OOM killer was disabled"
    } else if is(Emptiness::VictimDying) {
        "an earlier victim was still dying"
    } else if is(Emptiness::TriggerDying) {
        "the trigger was already exiting"
    } else if is(Emptiness::BpfFreed) {
        "a BPF program freed memory"
    } else {
        "a notifier freed memory, or the allocation must not cause a kill"
    };
    Err(Refusal::NobodyChosen { because })
}

#[expect(clippy::as_conversions, reason = "the discriminants are the numbers, and `repr(u32)` holds them")]
const fn number(emptiness: Emptiness) -> u32 {
    emptiness as u32
}

fn course<'a>(incident: &'a Incident, choice: &'a Choice) -> Result<Course<'a>, Refusal> {
    if choice.is_allocating_task() {
        return Ok(Course::AllocatingTask { choice });
    }
    let ballot = incident.ballot.as_ref().ok_or(Refusal::NoBallot)?;
    all_are_there(ballot, choice.evaluated)?;
    let winner = ballot.winner().ok_or(Refusal::NoPoints)?;
    if !winner.task.is_same_process(&choice.task) {
        return Err(Refusal::Disagrees { chosen: words::name(&choice.task) });
    }
    Ok(Course::Badness { choice, ballot })
}

/// Checks that the table has or counts every task that the kernel examined, and shows for each one whether the kernel could
/// choose it.
fn all_are_there(ballot: &Ballot, evaluated: u32) -> Result<(), Refusal> {
    let rows = u32::try_from(ballot.candidates.len()).unwrap_or(u32::MAX);
    let known = rows.saturating_add(ballot.kernel_threads).saturating_add(ballot.left_out);
    match evaluated.checked_sub(known) {
        Some(missing @ 1..) => Err(Refusal::RowsLost { missing, evaluated }),
        // The hook on `oom_badness` is missing or missed a call: the task may have been second, or first after a change.
        _ if ballot.candidates.iter().any(Candidate::is_open) => Err(Refusal::NoPoints),
        _ => Ok(()),
    }
}
