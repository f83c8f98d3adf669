//! The tracepoint tier, which does not see the decision itself. The evidence is the limits around the trigger and the victim
//! when the victim was marked, the free memory of the machine, and what kind of task the trigger is. A rule names a cause only
//! if nothing else fits that evidence. Everything else is `unknown`.

use oomtrace_common::event::Memcg;

use crate::{
    cgroup,
    context::Machine,
    explain::{Code, Finding, constraint, limits},
    incident::{Incident, SysrqRequest, Task},
};

/// The rules for a decision whose marks alone are seen, in order.
const RULES: [fn(&Incident, &Task) -> Option<Finding>; 6] =
    [requested, at_limit, lowered, charged_from_outside, kswapd, relieved];

pub(in crate::explain) fn rule(incident: &Incident) -> Option<Finding> {
    let trigger = incident.trigger.as_ref().filter(|_| incident.request.is_none())?;
    if incident.pass.is_some() {
        return without_beginning(incident, trigger);
    }
    let found = RULES.iter().find_map(|rule| rule(incident, trigger));
    Some(found.unwrap_or_else(|| whole_machine(incident, trigger)))
}

/// A pass whose first frame was lost. Only the constraint is left of it.
fn without_beginning(incident: &Incident, trigger: &Task) -> Option<Finding> {
    let constraint = constraint(incident)?;
    let evidence = vec![format!("oom_control.constraint is {constraint}")];
    let code = match constraint {
        "memcg" => Code::MemcgLimit,
        "cpuset" => Code::Cpuset,
        "memory_policy" => Code::Mempolicy,
        // SysRq-f has no constraint either.
        _ if trigger.is_bound_kworker() => Code::Unknown,
        _ if trigger.is_kswapd() => Code::Mglru,
        _ => Code::Global,
    };
    let finding = Finding::inferred(code, None, evidence);
    Some(if code == Code::MemcgLimit { at_limit(incident, trigger).unwrap_or(finding) } else { finding })
}

/// A kernel worker that is bound to a CPU, right after a request for SysRq-f. `moom_callback` runs on the system's own
/// workqueue, whose workers are bound. <https://github.com/torvalds/linux/blob/v6.12/drivers/tty/sysrq.c#L408>
///
/// A recording of a version that did not record requests has none. Free memory and the absence of a limit that was hit then
/// show the cause.
fn requested(incident: &Incident, trigger: &Task) -> Option<Finding> {
    if !trigger.is_bound_kworker() {
        return None;
    }
    let worker =
        "the trigger is a kernel worker bound to a CPU, and the kernel runs SysRq-f in such a worker"
            .to_owned();
    if let Some(request) = &incident.requested {
        let evidence = vec![super::sysrq::requested(incident, request), worker];
        return Some(Finding::inferred(Code::Sysrq, None, evidence));
    }
    let sees_requests = incident.session.as_ref().is_some_and(|session| session.has_hook(SysrqRequest::HOOK));
    let spare = spare(incident).filter(|_| !sees_requests && near_limit(incident).is_none())?;
    Some(Finding::inferred(
        Code::Sysrq,
        None,
        vec![worker, spare, "no memory cgroup was at its limit".to_owned()],
    ))
}

/// A cgroup at its limit that holds both the trigger and the victim: the innermost of those with the least headroom, because a
/// charge reaches it first. A full cgroup that does not hold the victim cannot be the cause, because the kernel kills inside
/// the cgroup that ran out.
fn at_limit(incident: &Incident, trigger: &Task) -> Option<Finding> {
    let page_size = incident.page_size();
    let victims = victims_chain(incident);
    let holds_victim = |memcg: &&Memcg| victims.as_ref().is_none_or(|chain| holds(chain, memcg));
    let left =
        |memcg: &Memcg| limits::headroom(memcg, page_size).filter(|left| *left < limits::CHARGE_BATCH_PAGES);
    let (_, memcg) = cgroup::chain(&incident.memcgs, trigger.memcg?)
        .into_iter()
        .filter(holds_victim)
        .enumerate()
        .filter_map(|(level, memcg)| left(memcg).map(|left| ((left, level), memcg)))
        .min_by_key(|(rank, _)| *rank)?;
    let evidence = vec![at_the_mark(incident, memcg, "was at its limit")];
    Some(Finding::inferred(Code::MemcgLimit, Some(memcg.id), evidence))
}

/// An ancestor of the victim is above its limit by more than a charge can cause, and the trigger is a process outside of it:
/// the trigger lowered the limit.
fn lowered(incident: &Incident, trigger: &Task) -> Option<Finding> {
    let page_size = incident.page_size();
    let outside = outside_trigger(incident, trigger).into_iter();
    let by_much = |memcg: &&Memcg| limits::excess(memcg, page_size) > limits::CHARGE_BATCH_PAGES;
    let memcg = outside.filter(|_| !trigger.is_kthread()).find(by_much)?;
    let evidence = vec![
        at_the_mark(incident, memcg, "was above its limit"),
        "the trigger is not in it, so it did not charge its own memory there".to_owned(),
    ];
    Some(Finding::inferred(Code::MemcgLimitLowered, Some(memcg.id), evidence))
}

/// An ancestor of the victim is at its limit, and the trigger is outside of it. A debugger that writes into the victim's
/// memory, or a kernel worker that does the victim's I/O, charges the victim's cgroup. No other explanation is left if the
/// machine has free memory on its only node. Otherwise the machine may have run out, and the victim's cgroup may be full by
/// coincidence.
fn charged_from_outside(incident: &Incident, trigger: &Task) -> Option<Finding> {
    let page_size = incident.page_size();
    let full = |memcg: &&Memcg| {
        limits::headroom(memcg, page_size).is_some_and(|left| left < limits::CHARGE_BATCH_PAGES)
    };
    let memcg = outside_trigger(incident, trigger).into_iter().find(full)?;
    let mut evidence = vec![
        at_the_mark(incident, memcg, "was at its limit"),
        "the victim is in it and the trigger is not".to_owned(),
    ];
    let by_little = limits::is_over(memcg, page_size) && !trigger.is_kthread();
    match spare(incident).filter(|_| nodes(incident).is_none_or(|nodes| nodes <= 1)) {
        Some(spare) if !by_little => {
            evidence.push(format!("{spare}, so the machine had not run out of memory"));
            evidence
                .push("a charge can be made for another process's memory, or by a kernel worker".to_owned());
            Some(Finding::inferred(Code::MemcgLimit, Some(memcg.id), evidence))
        }
        Some(spare) => {
            evidence.push(format!(
                "{spare}: either a process outside the cgroup charged memory to it, or the limit was lowered"
            ));
            Some(Finding::inferred(Code::Unknown, None, evidence))
        }
        None => {
            evidence.push(
                "it is not known whether the machine or some of its nodes had run out of memory".to_owned(),
            );
            Some(Finding::inferred(Code::Unknown, None, evidence))
        }
    }
}

/// kswapd allocates with access to the reserves and never runs out itself. It calls the OOM killer only for the multi-gen LRU.
fn kswapd(_: &Incident, trigger: &Task) -> Option<Finding> {
    let evidence = vec!["the trigger is kswapd".to_owned()];
    trigger.is_kswapd().then(|| Finding::inferred(Code::Mglru, None, evidence))
}

/// The machine has free memory, and no limit was hit when the victim was marked. Either a limit was hit and relieved before
/// that, as in a burst of kills, or a cpuset, a memory policy or the kind of allocation leaves only a part of the memory.
fn relieved(incident: &Incident, trigger: &Task) -> Option<Finding> {
    let spare = spare(incident)?;
    let chain = |memcg: Option<u64>| memcg.map(|id| cgroup::chain(&incident.memcgs, id)).unwrap_or_default();
    let victims = incident.victims.iter().map(|victim| victim.task.memcg);
    let limited = std::iter::once(trigger.memcg)
        .chain(victims)
        .flat_map(chain)
        .find(|memcg| limits::headroom(memcg, incident.page_size()).is_some());
    let mut evidence = vec!["no memory cgroup of the trigger or the victim was at its limit".to_owned()];
    evidence.extend(worker(trigger));
    evidence.push(match (limited, nodes(incident)) {
        (Some(memcg), _) => {
            let name = limits::name(incident, memcg);
            format!("{spare}, and {name} has a limit: {}", limits::describe(memcg, incident.page_size()))
        }
        (None, Some(nodes @ 2..)) => {
            format!("{spare}: a cpuset or a memory policy may have confined the allocation to some of the {nodes} memory nodes")
        }
        (None, _) => format!("{spare}: the allocation may have needed contiguous pages, or memory of another zone"),
    });
    Some(Finding::inferred(Code::Unknown, None, evidence))
}

/// No cgroup is at a limit. Little memory is free, or the amount is not known.
fn whole_machine(incident: &Incident, trigger: &Task) -> Finding {
    let mut evidence = vec!["no memory cgroup above the trigger was at its limit".to_owned()];
    evidence.extend(worker(trigger));
    evidence.extend(incident.machine.map(free));
    evidence.push(match nodes(incident) {
        Some(0 | 1) => {
            "there is one memory node: no cpuset or memory policy can confine an allocation".to_owned()
        }
        _ => "this tier cannot distinguish a cpuset or a memory policy from the whole machine".to_owned(),
    });
    let asked_by_key = trigger.is_bound_kworker() && incident.machine.is_none();
    let may_be_confined =
        nodes(incident).is_some_and(|nodes| nodes > 1) && incident.machine.is_some_and(is_ample);
    let code = if asked_by_key || may_be_confined { Code::Unknown } else { Code::Global };
    Finding::inferred(code, None, evidence)
}

/// A kernel worker as the trigger is no evidence for a cause.
fn worker(trigger: &Task) -> Option<String> {
    let is_worker = trigger.is_bound_kworker() || trigger.is_unbound_kworker();
    is_worker.then(|| "the trigger is a kernel worker, and no request for SysRq-f was seen".to_owned())
}

/// The cgroups above the first victim; `None` if its cgroup is not known.
fn victims_chain(incident: &Incident) -> Option<Vec<&Memcg>> {
    let chain = cgroup::chain(&incident.memcgs, incident.victims.first()?.task.memcg?);
    Some(chain).filter(|chain| !chain.is_empty())
}

/// Those of them that do not hold the trigger, leaf first.
fn outside_trigger<'a>(incident: &'a Incident, trigger: &Task) -> Vec<&'a Memcg> {
    let own = trigger.memcg.map(|id| cgroup::chain(&incident.memcgs, id)).unwrap_or_default();
    let chain = victims_chain(incident).unwrap_or_default();
    chain.into_iter().filter(|memcg| !holds(&own, memcg)).collect()
}

fn holds(chain: &[&Memcg], memcg: &Memcg) -> bool {
    chain.iter().any(|level| level.id == memcg.id)
}

/// A cgroup above the victim that has less than a charge left.
fn near_limit(incident: &Incident) -> Option<&Memcg> {
    let page_size = incident.page_size();
    let full = |memcg: &&Memcg| {
        limits::headroom(memcg, page_size).is_some_and(|left| left < limits::CHARGE_BATCH_PAGES)
    };
    victims_chain(incident)?.into_iter().find(full)
}

fn at_the_mark(incident: &Incident, memcg: &Memcg, how: &str) -> String {
    let name = limits::name(incident, memcg);
    format!("when the victim was marked, {name} {how}: {}", limits::describe(memcg, incident.page_size()))
}

fn nodes(incident: &Incident) -> Option<usize> {
    incident.session.as_ref().and_then(|session| session.memory_nodes)
}

/// A sentence part if more than a tenth of the machine's memory was available at the mark. The victims' memory is not counted,
/// because it may have been freed before it was read.
fn spare(incident: &Incident) -> Option<String> {
    let machine = incident.machine?;
    let resident = incident.victims.iter().filter_map(|victim| victim.task.memory);
    let held = resident.fold(0_u64, |all, memory| all.saturating_add(memory.resident_pages()));
    let held = held.saturating_mul(incident.page_size());
    let left = available(machine).saturating_sub(held);
    (left > machine.total_bytes / 10).then(|| free(machine))
}

/// Whether more than a tenth of the memory is available. On one node the victims may have given it back since; if there are
/// several, it may also be on a node that the allocation could not use.
fn is_ample(machine: Machine) -> bool {
    available(machine) > machine.total_bytes / 10
}

fn available(machine: Machine) -> u64 {
    machine.available_bytes.unwrap_or(machine.free_bytes)
}

fn free(machine: Machine) -> String {
    let Machine { free_bytes, total_bytes, available_bytes } = machine;
    match available_bytes {
        Some(available) => format!("{available} of {total_bytes} bytes of the machine were available"),
        None => format!("{free_bytes} of {total_bytes} bytes of the machine were free"),
    }
}
