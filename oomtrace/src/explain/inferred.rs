//! The tracepoint tier: the decision itself is not seen. What is left are the limits around the trigger and the victim
//! at the moment of the mark, and who the trigger is.

use oomtrace_common::event::Memcg;

use super::{Code, Finding, constraint, limits};
use crate::{
    attribute::cgroup,
    context::Machine,
    incident::{Incident, Task},
};

pub(super) fn rule(incident: &Incident) -> Option<Finding> {
    let trigger = incident.trigger.as_ref().filter(|_| incident.request.is_none())?;
    if incident.pass.is_some() {
        return without_beginning(incident, trigger);
    }
    at_limit(incident, trigger).or_else(|| lowered(incident)).or_else(|| Some(system(incident, trigger)))
}

/// A pass whose first frame was lost: what is left of it is the constraint.
fn without_beginning(incident: &Incident, trigger: &Task) -> Option<Finding> {
    let constraint = constraint(incident)?;
    let code = match constraint {
        "memcg" => Code::MemcgLimit,
        "cpuset" => Code::Cpuset,
        "memory_policy" => Code::Mempolicy,
        _ => return Some(system(incident, trigger)),
    };
    let evidence = vec![format!("oom_control.constraint is {constraint}")];
    let finding = Finding::inferred(code, None, evidence);
    Some(if code == Code::MemcgLimit { at_limit(incident, trigger).unwrap_or(finding) } else { finding })
}

/// An ancestor of the trigger at its limit. The innermost of those with least left: it is the first that a charge meets.
fn at_limit(incident: &Incident, trigger: &Task) -> Option<Finding> {
    let page_size = incident.page_size();
    let chain = cgroup::chain(&incident.memcgs, trigger.memcg?);
    let left =
        |memcg: &Memcg| limits::headroom(memcg, page_size).filter(|left| *left < limits::CHARGE_BATCH_PAGES);
    let (_, memcg) = chain
        .into_iter()
        .enumerate()
        .filter_map(|(level, memcg)| left(memcg).map(|left| ((left, level), memcg)))
        .min_by_key(|(rank, _)| *rank)?;
    let evidence = vec![format!(
        "at the mark {} was at its limit: {}",
        limits::name(incident, memcg),
        limits::describe(memcg, page_size)
    )];
    Some(Finding::inferred(Code::MemcgLimit, Some(memcg.id), evidence))
}

/// An ancestor of the victim above its limit, and the trigger lives elsewhere.
fn lowered(incident: &Incident) -> Option<Finding> {
    let page_size = incident.page_size();
    let victim = incident.victims.first()?.task.memcg?;
    let chain = cgroup::chain(&incident.memcgs, victim);
    let memcg = chain.into_iter().find(|memcg| limits::is_over(memcg, page_size))?;
    let evidence = vec![
        format!(
            "at the mark {} was above its limit: {}",
            limits::name(incident, memcg),
            limits::describe(memcg, page_size)
        ),
        "the trigger is not in it".to_owned(),
    ];
    Some(Finding::inferred(Code::MemcgLimitLowered, Some(memcg.id), evidence))
}

/// No cgroup is at a limit.
fn system(incident: &Incident, trigger: &Task) -> Finding {
    let mut evidence = vec!["no memory cgroup above the trigger was at its limit".to_owned()];
    let code = if trigger.is_kswapd() {
        evidence.push("the trigger is kswapd".to_owned());
        Code::Mglru
    } else if trigger.is_kthread()
        && trigger.comm.as_ref().is_some_and(|comm| comm.as_bytes().starts_with(b"kworker/"))
    {
        evidence.push("the trigger is a kernel worker, which is how SysRq-f runs".to_owned());
        Code::Sysrq
    } else if let Some(relieved) = relieved(incident, trigger) {
        evidence.push(relieved);
        Code::Unknown
    } else {
        let (code, words) = whole_machine(incident);
        evidence.push(words);
        code
    };
    Finding::inferred(code, None, evidence)
}

/// Above the trigger there is a limit, and the machine has memory to spare: the limit may have been hit by a charge whose
/// memory was given back before the mark, as it is in a burst of kills.
fn relieved(incident: &Incident, trigger: &Task) -> Option<String> {
    let spare = spare(incident)?;
    let limited = cgroup::chain(&incident.memcgs, trigger.memcg?)
        .into_iter()
        .find(|memcg| limits::headroom(memcg, incident.page_size()).is_some())?;
    Some(format!(
        "{spare}, and {} has a limit: {}",
        limits::name(incident, limited),
        limits::describe(limited, incident.page_size())
    ))
}

/// Whether the whole machine ran out. A cpuset or a memory policy confines an allocation only where there are several
/// memory nodes, and leaves memory on the others.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L252> (`constrained_alloc`)
fn whole_machine(incident: &Incident) -> (Code, String) {
    let nodes = incident.session.as_ref().and_then(|session| session.memory_nodes);
    match (nodes, spare(incident)) {
        (Some(0 | 1), _) => (
            Code::Global,
            "there is one memory node: no cpuset or memory policy can confine an allocation".to_owned(),
        ),
        (Some(nodes), Some(spare)) => (
            Code::Unknown,
            format!("{spare}: a cpuset or a memory policy may leave some of the {nodes} memory nodes only"),
        ),
        _ => (
            Code::Global,
            "this tier cannot tell a cpuset or a memory policy from the whole machine".to_owned(),
        ),
    }
}

/// More than a tenth of the machine's memory was free at the mark, in words.
fn spare(incident: &Incident) -> Option<String> {
    let Machine { free_bytes, total_bytes } = incident.machine?;
    let words = || format!("{free_bytes} of {total_bytes} bytes of the machine were free");
    (free_bytes > total_bytes / 10).then(words)
}
