//! Determines the processes that die with the victim: all processes of its highest ancestor, up to the domain, that has
//! `memory.oom.group`.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1780> (`mem_cgroup_get_oom_group`)

use oomtrace_common::event::Memcg;

use super::{levels, recorded::Recorded, vote::Recount};
use crate::{
    badness, cgroup,
    incident::{PassedOver, Task},
    whatif::{Change, Refusal, words},
};

/// The cgroup that dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::whatif) enum Scope {
    /// No cgroup: only the victim dies.
    One,
    /// The cgroup with this kernfs id.
    Group(u64),
    /// The recording does not show whether there is such a cgroup.
    Unknown,
}

/// Returns the changed switches by kernfs id.
pub(in crate::whatif) fn requested(
    recorded: &Recorded<'_>,
    changes: &[Change],
) -> Result<Vec<(u64, bool)>, Refusal> {
    let mut requested = Vec::new();
    for change in changes {
        let Change::OomGroup { cgroup, on } = change else { continue };
        let id = levels::id(recorded.incident, cgroup)?;
        if recorded.incident.memcgs.get(&id).is_some_and(|memcg| memcg.parent == 0) {
            return Err(Refusal::Root { file: "memory.oom.group" });
        }
        requested.retain(|(other, _)| *other != id);
        requested.push((id, *on));
    }
    Ok(requested)
}

/// Returns whether the memory controller is on the v1 hierarchy, where `memory.oom.group` does not exist.
pub(in crate::whatif) fn is_v1(recorded: &Recorded<'_>) -> bool {
    let session = recorded.incident.session.as_ref();
    let is_v1 = session.is_some_and(|session| session.memory_hierarchy.as_deref() == Some("v1"));
    is_v1 || recorded.incident.memcgs.values().any(|memcg| memcg.hierarchy != 0)
}

/// Returns the scope of a victim.
pub(in crate::whatif) fn of(
    recorded: &Recorded<'_>,
    requested: &[(u64, bool)],
    victim: &Task,
    as_recorded: bool,
) -> Scope {
    if is_v1(recorded) {
        return Scope::One;
    }
    if as_recorded && requested.is_empty() {
        return recorded.incident.group.map_or(Scope::One, Scope::Group);
    }
    let memcgs = &recorded.incident.memcgs;
    let chain = victim.memcg.map(|leaf| cgroup::chain(memcgs, leaf)).unwrap_or_default();
    let ends = |memcg: &&Memcg| Some(memcg.id) == recorded.domain || memcg.parent == 0;
    match chain.iter().position(ends) {
        Some(end) => highest(chain.iter().take(end + 1).copied().rev(), requested),
        // The domain is above all levels between, so it is checked first.
        None => match recorded.domain.and_then(|domain| memcgs.get(&domain)) {
            Some(domain) if is_on(domain, requested) == Some(true) => Scope::Group(domain.id),
            Some(_) | None => Scope::Unknown,
        },
    }
}

/// Returns the first cgroup whose switch is on, from the top down.
fn highest<'a>(mut chain: impl Iterator<Item = &'a Memcg>, requested: &[(u64, bool)]) -> Scope {
    let found = chain.find_map(|memcg| match is_on(memcg, requested) {
        Some(true) => Some(Scope::Group(memcg.id)),
        Some(false) => None,
        None => Some(Scope::Unknown),
    });
    found.unwrap_or(Scope::One)
}

fn is_on(memcg: &Memcg, requested: &[(u64, bool)]) -> Option<bool> {
    let requested = requested.iter().find(|(id, _)| *id == memcg.id).map(|(_, on)| *on);
    let read = memcg.present & Memcg::OOM_GROUP != 0 || memcg.parent == 0;
    requested.or_else(|| read.then(|| cgroup::is_group(memcg)))
}

/// Returns the members of a group that die with the chosen process.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L981> (`oom_kill_memcg_member`)
pub(in crate::whatif) fn members<'r, 'a>(
    recorded: &Recorded<'a>,
    group: u64,
    chosen: &Task,
    rows: &'r [Recount<'a>],
) -> Result<Vec<&'r Recount<'a>>, Refusal> {
    let ballot = recorded.course.ballot().ok_or(Refusal::NeverEvaluated)?;
    if !ballot.is_whole() {
        let because = "some of them may be in the cgroup that dies";
        return Err(Refusal::LeftOut { left_out: ballot.left_out, because });
    }
    let mut members = Vec::new();
    for row in rows.iter().filter(|row| !row.candidate.task.is_same_process(chosen)) {
        let spared = matches!(row.passed_over, Some(PassedOver::Init | PassedOver::NoMemory));
        if !spared && row.adj != Some(badness::ADJ_MIN) && is_member(recorded, group, &row.candidate.task)? {
            members.push(row);
        }
    }
    Ok(members)
}

fn is_member(recorded: &Recorded<'_>, group: u64, task: &Task) -> Result<bool, Refusal> {
    if recorded.domain == Some(group) {
        return Ok(true);
    }
    let chain = task.memcg.map(|leaf| cgroup::chain(&recorded.incident.memcgs, leaf)).unwrap_or_default();
    if chain.iter().any(|memcg| memcg.id == group) {
        return Ok(true);
    }
    if chain.last().is_some_and(|memcg| memcg.parent == 0) {
        return Ok(false);
    }
    let cgroup = words::path(recorded.incident, group);
    Err(Refusal::CgroupUnknown { task: words::name(task), cgroup })
}
