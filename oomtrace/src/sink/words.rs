//! The meaning of codes in words, shared by the terminal and the pages.

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
            "allocating_task: the trigger itself, because vm.oom_kill_allocating_task is set"
        }
        Policy::AlreadyExiting => "already_exiting: a task was already exiting, so no other task was chosen",
        Policy::OomGroup => {
            "oom_group: the task with the most points, and all tasks of its cgroup (memory.oom.group)"
        }
        Policy::NoneKillable => "none_killable: no task of the domain can be killed",
        Policy::Disabled => "disabled: the OOM killer was disabled",
        Policy::GfpNofs => "gfp_nofs: an allocation without __GFP_FS must not cause a kill",
        Policy::NotifierFreed => "notifier_freed: a notifier freed memory",
        Policy::BpfProgram => "bpf_program: a BPF program handled the shortage",
    }
}

/// The outcome of the decision.
pub(super) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Killed => "killed",
        Outcome::GroupKilled => "the whole group was killed",
        Outcome::MarkedOnly => "marked only: access to memory reserves, no SIGKILL",
        Outcome::NoKill => "no process was killed",
    }
}

/// Why a process is a victim.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Chosen => "chosen",
        Role::Group => "group (killed with its cgroup)",
        Role::SharedMm => "shared_mm (shares the memory of the chosen process)",
        Role::PidNamespace => "pid_namespace (died with the init of its pid namespace)",
    }
}

/// Why a task could not be chosen. The text follows a number, as in "3 …".
pub(super) const fn passed_over(reason: PassedOver) -> &'static str {
    match reason {
        PassedOver::Init => "init",
        PassedOver::AdjMin => "at oom_score_adj -1000",
        PassedOver::AlreadyVictim => "already a victim",
        PassedOver::OomSkip => "reaped, or given up by the reaper",
        PassedOver::InVfork => "in vfork",
        PassedOver::NoMemory => "without memory",
        PassedOver::NotEligible => "not allowed on these nodes",
    }
}

/// How an incident ended.
pub(super) const fn closed_by(closed_by: ClosedBy) -> &'static str {
    match closed_by {
        ClosedBy::Kernel => "closed by the kernel",
        ClosedBy::Timeout => "closed by timeout: no further event came",
        ClosedBy::EndOfStream => "closed by the end of the stream",
    }
}
