//! The summary: one sentence per incident. It is outside the sinks because the JSON has it as well, for scripts that page people.

use super::{
    Code, Confidence, Margin, Outcome, Policy, Verdict, chain, doing, followed, lead_up,
    limits::{self, Threshold},
    place::{self, Place},
    rule::userspace,
    sigterm, survivors,
    words::{duration, name, ordinal, size},
};
use crate::incident::{Incident, Role, Task};

pub(super) fn summary(incident: &Incident, verdict: &Verdict) -> String {
    if verdict.code == Code::Userspace {
        return by_user_space(incident, verdict)
            + &repeated(incident)
            + &chain::note(incident).unwrap_or_default();
    }
    let mut sentence =
        format!("{}{}; {}", cause(incident, verdict), by(incident, verdict), consequence(incident, verdict));
    sentence.extend(namespace_note(incident));
    sentence.extend(place::keeps_running(incident));
    sentence.extend(survivors::note(incident));
    sentence.extend(followed::note(incident));
    sentence.extend(followed::afterwards(incident));
    sentence.push_str(&repeated(incident));
    sentence.extend(chain::note(incident));
    sentence.extend(shortage_note(verdict));
    sentence.extend(lead_up::note(incident, verdict));
    if let Some(note) = sysctl_note(incident, verdict) {
        sentence.push_str(note);
    }
    sentence
}

fn cause(incident: &Incident, verdict: &Verdict) -> String {
    let what = match verdict.code {
        Code::MemcgLimit => match domain(incident, verdict) {
            (Place::Named(name), limit) => format!("{name} reached its memory limit{limit}"),
            (Place::Path(path), limit) => format!("the memory limit of {path}{limit} was hit"),
        },
        Code::MemcgLimitLowered => {
            let (place, limit) = domain(incident, verdict);
            format!("the memory limit of {place}{limit} was lowered below its usage")
        }
        Code::Global => "the machine ran out of memory".to_owned(),
        Code::Cpuset => "the memory nodes of a cpuset ran out".to_owned(),
        Code::Mempolicy => "the memory nodes of a memory policy ran out".to_owned(),
        Code::Sysrq => match incident.requested.as_ref().and_then(|request| request.requester.as_ref()) {
            Some(requester) => format!("{} requested an OOM kill with SysRq-f", name(incident, requester)),
            None => "an OOM kill was requested with SysRq-f".to_owned(),
        },
        Code::Mglru => "the multi-gen LRU's min_ttl_ms could not be kept".to_owned(),
        Code::Userspace => "no kernel OOM".to_owned(),
        Code::Unknown => format!("an OOM {} whose cause could not be determined", kind(verdict)),
    };
    match verdict.confidence {
        Confidence::Inferred if verdict.code != Code::Unknown => format!("probably {what}"),
        Confidence::Observed | Confidence::Inferred => what,
    }
}

/// A decision may also end without a kill.
const fn kind(verdict: &Verdict) -> &'static str {
    match verdict.outcome {
        Some(Outcome::NoKill | Outcome::MarkedOnly) => "decision",
        Some(Outcome::Killed | Outcome::GroupKilled) | None => "kill",
    }
}

/// The sender, the victims and the inferred reason of a kill from user space.
fn by_user_space(incident: &Incident, verdict: &Verdict) -> String {
    let who = |task: Option<&Task>| task.map_or_else(|| "a process".to_owned(), |task| name(incident, task));
    let sender = who(incident.trigger.as_ref());
    let victim = who(incident.victims.first().map(|victim| &victim.task));
    let count = incident.user_kill.as_ref().map_or(0, |kill| kill.count(incident.victims.len()));
    let others = match count.saturating_sub(1) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    if !userspace::is_shortage_known(incident) {
        let announced = incident.prekill.as_ref().and_then(|prekill| prekill.memcg);
        let place =
            announced.map_or_else(String::new, |id| format!(" of {}", place::of_cgroup(incident, id)));
        return format!("{sender}, not the kernel, killed {victim}{others}; it had announced a kill{place}");
    }
    let place = verdict.domain.map_or_else(
        || "the machine".to_owned(),
        |id| {
            let page_size = incident.page_size();
            let threshold = incident.memcgs.get(&id).and_then(|memcg| limits::threshold(memcg, page_size));
            let limit = threshold.map(|Threshold { pages, name }| {
                format!(" ({name} {})", size(pages.saturating_mul(page_size)))
            });
            format!("{}{}", place::of_cgroup(incident, id), limit.unwrap_or_default())
        },
    );
    let because = match verdict.confidence {
        Confidence::Observed => "when",
        Confidence::Inferred => "probably because",
    };
    let did = sigterm::deed(incident, &format!("{victim}{others}"));
    let still = sigterm::survivors(incident).unwrap_or_default();
    format!("{sender}, not the kernel, {did} {because} {place} was short of memory{still}")
}

/// The cgroup that ran out, and its limit in parentheses if it is known.
fn domain(incident: &Incident, verdict: &Verdict) -> (Place, String) {
    let Some(id) = verdict.domain else { return (Place::Path("a memory cgroup".to_owned()), String::new()) };
    let memcg = incident.memcgs.get(&id);
    let limit = memcg.and_then(|memcg| limits::memory(memcg, incident.page_size()));
    let bytes = limit.map(|(_, max)| max.saturating_mul(incident.page_size()));
    let limit = bytes.map(|bytes| format!(" ({})", size(bytes)));
    (place::of_cgroup(incident, id), limit.unwrap_or_default())
}

fn by(incident: &Incident, verdict: &Verdict) -> String {
    let Some(trigger) = &incident.trigger else { return String::new() };
    match verdict.code {
        Code::Sysrq | Code::Mglru => String::new(),
        Code::MemcgLimitLowered => format!(" by {}", name(incident, trigger)),
        Code::MemcgLimit | Code::Global | Code::Cpuset | Code::Mempolicy | Code::Userspace => {
            format!(" when {} requested more memory{}", name(incident, trigger), doing::clause(incident))
        }
        Code::Unknown => {
            format!(": {} was allocating memory{}", name(incident, trigger), doing::clause(incident))
        }
    }
}

/// Why no process was killed. `who` is the chosen process.
fn no_kill(incident: &Incident, policy: Option<Policy>, who: Option<&String>) -> String {
    match (policy, who) {
        (Some(Policy::NoneKillable), _) => survivors::none_killable(incident),
        (Some(Policy::Disabled), _) => "the OOM killer is disabled".to_owned(),
        (Some(Policy::BpfProgram), _) => "a BPF program freed memory, so no process was killed".to_owned(),
        (Some(Policy::GfpNofs), _) => {
            "no process was killed, because this allocation must not wait for file systems (no __GFP_FS)"
                .to_owned()
        }
        (Some(Policy::AlreadyExiting), Some(who)) => {
            format!("{who} was chosen but had no memory left to free; no process was killed")
        }
        _ => "no process was killed".to_owned(),
    }
}

fn consequence(incident: &Incident, verdict: &Verdict) -> String {
    let chosen = incident
        .victims
        .iter()
        .find(|victim| victim.role == Role::Chosen)
        .or_else(|| incident.victims.first());
    let who = chosen.map_or_else(|| "a process".to_owned(), |victim| name(incident, &victim.task));
    let decided_on = incident.victims.iter().filter(|victim| victim.role.is_of_decision()).count();
    let others = decided_on.saturating_sub(1);
    match (verdict.outcome, verdict.policy) {
        (Some(Outcome::NoKill), policy) => no_kill(incident, policy, chosen.is_some().then_some(&who)),
        (Some(Outcome::MarkedOnly), _) => {
            format!("{who} was already exiting and got access to memory reserves")
        }
        (Some(Outcome::GroupKilled), _) => match others {
            0 => format!("{who} was killed"),
            1 => format!("{who} was chosen, and 1 more process was killed with it by {}", group(incident)),
            _ => format!(
                "{who} was chosen, and {others} more processes were killed with it by {}",
                group(incident)
            ),
        },
        (_, Some(Policy::AllocatingTask)) => {
            format!("{who} was killed because it was allocating (vm.oom_kill_allocating_task)")
        }
        (_, Some(Policy::Badness)) => match candidates(incident) {
            Some(number) if number > 1 => {
                format!("{who} was killed: highest score of {number} candidates{}", ahead(incident, verdict))
            }
            Some(1) => format!("{who} was killed, the only candidate"),
            _ => format!("{who} was killed"),
        },
        _ => format!("{who} was killed"),
    }
}

/// The setting that kills other processes as well, and the cgroup that has it, if that is known.
fn group(incident: &Incident) -> String {
    let of = incident.group.map(|id| format!(" of {}", place::of_cgroup(incident, id)));
    format!("memory.oom.group{}", of.unwrap_or_default())
}

/// Number of tasks that could have been chosen. If not all of them were seen: number of tasks that the kernel examined.
fn candidates(incident: &Incident) -> Option<u64> {
    let scored = incident.ballot.as_ref().filter(|ballot| ballot.is_whole()).map(|ballot| {
        let scored = ballot.candidates.iter().filter(|candidate| candidate.points.is_some());
        u64::try_from(scored.count()).unwrap_or(u64::MAX)
    });
    let evaluated = || incident.choice.as_ref().map(|choice| u64::from(choice.evaluated));
    scored.filter(|scored| *scored > 0).or_else(evaluated)
}

fn ahead(incident: &Incident, verdict: &Verdict) -> String {
    match &verdict.margin {
        Some(Margin { points: 0, runner_up, .. }) => {
            format!(", equal to {}, which the kernel examined earlier", name(incident, runner_up))
        }
        Some(Margin { points, runner_up, .. }) => {
            let pages = if *points == 1 { "page" } else { "pages" };
            format!(", {points} {pages} ahead of {}", name(incident, runner_up))
        }
        None => String::new(),
    }
}

/// The number of processes that died because the victim was the init of their pid namespace.
fn namespace_note(incident: &Incident) -> Option<String> {
    let along = incident.victims.iter().filter(|victim| victim.role == Role::PidNamespace).count();
    let processes = if along == 1 { "process" } else { "processes" };
    (along > 0)
        .then(|| format!("; the victim was the init of a pid namespace, so {along} more {processes} died"))
}

/// Says that the same kill happened before.
fn repeated(incident: &Incident) -> String {
    let Some(repeats) = incident.repeats else { return String::new() };
    let span = duration(incident.boot_ns.saturating_sub(repeats.first_ns));
    format!("; this is the {} such kill in {span}", ordinal(repeats.count))
}

/// Says where the memory was, if the victim's own size does not explain the shortage. SysRq-f and the multi-gen LRU need no
/// shortage.
fn shortage_note(verdict: &Verdict) -> Option<String> {
    let clause = verdict.account.as_ref().filter(|_| verdict.code.is_shortage())?.clause()?;
    Some(format!("; {clause}"))
}

/// A memcg OOM ignores the sysctl, but people suspect it if it is set.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1146>
fn sysctl_note(incident: &Incident, verdict: &Verdict) -> Option<&'static str> {
    let set = incident.sysctl.as_ref()?.oom_kill_allocating_task? != 0;
    let of_memcg = matches!(verdict.code, Code::MemcgLimit | Code::MemcgLimitLowered);
    (set && of_memcg).then_some(
        "; vm.oom_kill_allocating_task is set but had no effect: the kernel ignores it for cgroup limits",
    )
}
