//! The policy by which the victim was chosen, and the outcome.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1104> (`out_of_memory`)

use oomtrace_common::event::{Emptiness, EmptyPasses, OutOfMemory};

use super::{Code, Outcome, Policy};
use crate::{
    attribute::cgroup,
    incident::{Incident, Role, Victim},
    kernel::facts::gfp_flag,
};

pub(super) struct Selection {
    pub(super) policy: Option<Policy>,
    pub(super) outcome: Option<Outcome>,
    pub(super) evidence: Vec<String>,
}

pub(super) fn selection(incident: &Incident, code: Code) -> Selection {
    if incident.user_kill.is_some() {
        return by_user_space(incident);
    }
    if !incident.has_victims() && incident.choice.is_none() {
        return incident.empty.as_ref().map_or_else(unseen, |passes| empty(incident, passes));
    }
    if incident.pass.is_none() {
        return alone(incident, code);
    }
    let (policy, evidence) = policy(incident);
    Selection { policy, outcome: Some(outcome(incident)), evidence }
}

fn unseen() -> Selection {
    Selection { policy: None, outcome: None, evidence: Vec::new() }
}

/// The kernel chose no task, and oomtrace cannot see the policy of a user-space killer.
fn by_user_space(incident: &Incident) -> Selection {
    let known = incident.victims.len();
    let count = incident.user_kill.as_ref().map_or(0, |kill| kill.count(known));
    let outcome = if count > 1 { Outcome::GroupKilled } else { Outcome::Killed };
    // After SIGTERM alone, a process may go on.
    let died = |victim: &&Victim| victim.sigkill_ns.is_some() || victim.exit_ns.is_some();
    let all = incident.victims.iter().all(|victim| died(&victim));
    Selection { policy: None, outcome: all.then_some(outcome), evidence: Vec::new() }
}

/// A mark alone shows neither the policy nor the signal. A SIGKILL shows that it was a kill.
fn alone(incident: &Incident, code: Code) -> Selection {
    let killed = decided_on(incident).any(|victim| victim.sigkill_ns.is_some());
    let group = incident.victims.iter().any(|victim| victim.role == Role::Group);
    let outcome = match (killed, group) {
        (true, true) => Some(Outcome::GroupKilled),
        (true, false) => Some(Outcome::Killed),
        (false, _) if signals_are_seen(incident) => Some(Outcome::MarkedOnly),
        (false, _) => None,
    };
    let (policy, evidence) = match outcome {
        Some(Outcome::MarkedOnly) => {
            (Some(Policy::AlreadyExiting), vec!["no SIGKILL was sent before the mark".to_owned()])
        }
        Some(Outcome::GroupKilled) => {
            (Some(Policy::OomGroup), vec!["one thread killed several processes of a cgroup".to_owned()])
        }
        _ => rule_of_choice(incident, code),
    };
    Selection { policy, outcome, evidence }
}

/// The victims, except those that died because another victim did.
fn decided_on(incident: &Incident) -> impl Iterator<Item = &Victim> {
    incident.victims.iter().filter(|victim| victim.role.is_of_decision())
}

fn signals_are_seen(incident: &Incident) -> bool {
    incident.session.as_ref().is_some_and(|session| session.has_hook("signal_generate"))
        && incident.lost_frames == 0
}

/// The policy, if the sysctl and the victim leave only one possibility: for a cgroup's limit the kernel ignores
/// `oom_kill_allocating_task`, and otherwise that sysctl can only select the trigger.
fn rule_of_choice(incident: &Incident, code: Code) -> (Option<Policy>, Vec<String>) {
    let set = incident.sysctl.and_then(|sysctl| sysctl.oom_kill_allocating_task).map(|value| value != 0);
    let is_trigger = incident.trigger.as_ref().zip(incident.victims.first());
    let is_trigger = is_trigger.is_some_and(|(trigger, victim)| victim.task.is_same_process(trigger));
    match (code, set) {
        (Code::MemcgLimit | Code::MemcgLimitLowered, _) => (Some(Policy::Badness), Vec::new()),
        (Code::Global, Some(true)) if is_trigger => (
            Some(Policy::AllocatingTask),
            vec!["vm.oom_kill_allocating_task is set, and the trigger was killed".to_owned()],
        ),
        (Code::Global, Some(false)) => (Some(Policy::Badness), Vec::new()),
        (Code::Global | Code::Sysrq | Code::Mglru, _) if !is_trigger => (Some(Policy::Badness), Vec::new()),
        _ => (None, Vec::new()),
    }
}

/// The evidence of a BPF program that handled the shortage.
const BPF_FREED: &str = "oom_control.bpf_memory_freed is set";

fn policy(incident: &Incident) -> (Option<Policy>, Vec<String>) {
    let (policy, fact) = match &incident.choice {
        // The kernel asks such programs before it compares scores.
        _ if incident.returned.is_some_and(|returned| returned.bpf_memory_freed != 0) => {
            (Policy::BpfProgram, BPF_FREED.to_owned())
        }
        // A task was killed, so the frame of the choice was lost.
        None if is_kill_known(incident) => return (None, Vec::new()),
        None => (Policy::AlreadyExiting, "the trigger was marked, and no task was chosen".to_owned()),
        Some(choice) if choice.is_allocating_task() => {
            (Policy::AllocatingTask, "the kernel's message names oom_kill_allocating_task".to_owned())
        }
        Some(_) if !is_kill_known(incident) => {
            (Policy::AlreadyExiting, "the chosen task was already exiting".to_owned())
        }
        Some(_) if had_exited(incident) => (
            Policy::AlreadyExiting,
            "the chosen task had no memory left, so it was neither marked nor sent SIGKILL".to_owned(),
        ),
        Some(_) => match incident.group {
            Some(group) => (Policy::OomGroup, scope(incident, group)),
            None => return (Some(Policy::Badness), Vec::new()),
        },
    };
    (Some(policy), vec![fact])
}

/// Says which cgroup is killed as a whole.
fn scope(incident: &Incident, group: u64) -> String {
    let path = cgroup::path(&incident.memcgs, group).map(|path| path.to_words());
    let scope = path.unwrap_or_else(|| format!("the cgroup with id {group}"));
    format!("mem_cgroup_get_oom_group returned {scope}")
}

/// Whether `__oom_kill_process` was called. The pass counts the calls itself, because their frames may be lost.
fn is_kill_known(incident: &Incident) -> bool {
    let seen = decided_on(incident).any(|victim| victim.killed || victim.sigkill_ns.is_some());
    seen || incident.returned.is_none_or(|returned| returned.kills > 0)
}

/// Whether `__oom_kill_process` returned at once, because the last thread with memory had exited.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c> (`__oom_kill_process`, "already exiting")
fn had_exited(incident: &Incident) -> bool {
    let signalled = decided_on(incident).any(|victim| victim.sigkill_ns.is_some());
    !signalled && incident.returned.is_some_and(|returned| returned.marks == 0)
}

fn outcome(incident: &Incident) -> Outcome {
    // Called but neither marked nor sent SIGKILL: its memory was already freed. The pass counts the marks itself.
    let lost_marks = incident.returned.is_some_and(|returned| returned.marks > incident.mark_frames);
    let killed = decided_on(incident)
        .any(|victim| victim.sigkill_ns.is_some() || (victim.killed && (victim.marked || lost_marks)));
    if killed && incident.group.is_some() {
        Outcome::GroupKilled
    } else if killed {
        Outcome::Killed
    } else if incident.victims.iter().any(|victim| victim.marked) {
        Outcome::MarkedOnly
    } else {
        Outcome::NoKill
    }
}

fn empty(incident: &Incident, passes: &EmptyPasses) -> Selection {
    let is = |emptiness: Emptiness| passes.emptiness == number(emptiness);
    let (policy, evidence) = if is(Emptiness::NothingToKill) && passes.total_pages == 0 {
        (
            Policy::Disabled,
            "out_of_memory returned false before it computed the size of the domain".to_owned(),
        )
    } else if is(Emptiness::NothingToKill) {
        (
            Policy::NoneKillable,
            match passes.evaluated {
                1 => "out_of_memory returned false after examining 1 task".to_owned(),
                tasks => format!("out_of_memory returned false after examining {tasks} tasks"),
            },
        )
    } else if is(Emptiness::BpfFreed) {
        (Policy::BpfProgram, BPF_FREED.to_owned())
    } else if is(Emptiness::Nothing) && lacks_fs(incident, passes) {
        (
            Policy::GfpNofs,
            "out_of_memory returned true without choosing a task, and the gfp_mask lacks __GFP_FS".to_owned(),
        )
    } else if is(Emptiness::Nothing) {
        (Policy::NotifierFreed, "out_of_memory returned true without choosing a task".to_owned())
    } else {
        (Policy::AlreadyExiting, "an earlier victim was still dying".to_owned())
    };
    Selection { policy: Some(policy), outcome: Some(Outcome::NoKill), evidence: vec![evidence] }
}

/// Whether the machine ran out for an allocation without `__GFP_FS`: the kernel kills no process then. It does not look at the
/// flag for a cgroup, or without a `gfp_mask` (a page fault up to 5.15).
/// <https://github.com/torvalds/linux/blob/v5.10/mm/oom_kill.c#L1086> (`out_of_memory`)
fn lacks_fs(incident: &Incident, passes: &EmptyPasses) -> bool {
    let session = incident.session.as_ref().filter(|session| session.codes >= 2);
    let fs = session.and_then(|session| gfp_flag("__GFP_FS", &session.facts));
    let is_of_machine = passes.flags & OutOfMemory::MEMCG == 0;
    is_of_machine && passes.gfp_mask != 0 && fs.is_some_and(|fs| u64::from(passes.gfp_mask) & fs == 0)
}

#[expect(clippy::as_conversions, reason = "the discriminants are the numbers, and `repr(u32)` holds them")]
const fn number(emptiness: Emptiness) -> u32 {
    emptiness as u32
}
