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
        evidence.push("this tier cannot tell a cpuset or a memory policy from the whole machine".to_owned());
        Code::Global
    };
    Finding::inferred(code, None, evidence)
}

/// Above the trigger there is a limit, and the machine has memory to spare: the limit may have been hit by a charge whose
/// memory was given back before the mark, as it is in a burst of kills.
fn relieved(incident: &Incident, trigger: &Task) -> Option<String> {
    let Machine { free_bytes, total_bytes } = incident.machine?;
    let limited = cgroup::chain(&incident.memcgs, trigger.memcg?)
        .into_iter()
        .find(|memcg| limits::headroom(memcg, incident.page_size()).is_some())?;
    (free_bytes > total_bytes / 10).then(|| {
        format!(
            "{free_bytes} of {total_bytes} bytes of the machine were free, and {} has a limit: {}",
            limits::name(incident, limited),
            limits::describe(limited, incident.page_size())
        )
    })
}
