//! What codes mean, in words: the same in every sink for people.

use crate::{
    explain::{Outcome, Policy},
    incident::{PassedOver, Role},
    report::ClosedBy,
};

/// How the victim was chosen.
pub(super) const fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Badness => "badness: the task with the most points",
        Policy::AllocatingTask => {
            "allocating_task: vm.oom_kill_allocating_task is set, so the trigger itself"
        }
        Policy::AlreadyExiting => "already_exiting: a task was dying already, so no other was chosen",
        Policy::OomGroup => {
            "oom_group: the task with the most points, and its cgroup with it (memory.oom.group)"
        }
        Policy::NoneKillable => "none_killable: no task of the domain may be killed",
        Policy::Disabled => "disabled: the OOM killer was off",
        Policy::NotifierFreed => "notifier_freed: a notifier freed memory, or the allocation may not kill",
    }
}

/// What came of the decision.
pub(super) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Killed => "killed",
        Outcome::GroupKilled => "the whole group was killed",
        Outcome::MarkedOnly => "marked only: access to memory reserves, no SIGKILL",
        Outcome::NoKill => "nobody was killed",
    }
}

/// Why a process is a victim.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Chosen => "chosen",
        Role::Group => "group (goes with its cgroup)",
        Role::SharedMm => "shared_mm (shares the memory of the chosen one)",
        Role::PidNamespace => "pid_namespace (goes with the init of its pid namespace)",
    }
}

/// Why a task could not be chosen; completes "3 …".
pub(super) const fn passed_over(reason: PassedOver) -> &'static str {
    match reason {
        PassedOver::Init => "init",
        PassedOver::AdjMin => "at oom_score_adj -1000",
        PassedOver::AlreadyVictim => "a victim already",
        PassedOver::OomSkip => "reaped or given up on by the reaper",
        PassedOver::InVfork => "in vfork",
        PassedOver::NoMemory => "without memory",
        PassedOver::NotEligible => "without a right to these nodes",
    }
}

/// How an incident ended.
pub(super) const fn closed_by(closed_by: ClosedBy) -> &'static str {
    match closed_by {
        ClosedBy::Kernel => "closed by the kernel",
        ClosedBy::Timeout => "closed by timeout: nothing more came",
        ClosedBy::EndOfStream => "closed by the end of the stream",
    }
}
