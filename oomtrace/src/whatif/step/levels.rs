//! Finds the cgroups of an incident by path.

use oomtrace_common::event::Memcg;

use crate::{
    attribute::cgroup,
    bytes::ByteString,
    incident::{Incident, Task},
    whatif::{Refusal, words},
};

/// Returns the kernfs id of a path.
pub(in crate::whatif) fn id(incident: &Incident, path: &ByteString) -> Result<u64, Refusal> {
    let wanted = trimmed(path);
    let found = incident
        .memcgs
        .keys()
        .copied()
        .find(|id| cgroup::path(&incident.memcgs, *id).is_some_and(|known| trimmed(&known) == wanted));
    found.ok_or_else(|| Refusal::UnknownCgroup {
        cgroup: path.to_words(),
        known: words::paths(incident, incident.memcgs.keys().copied()),
    })
}

/// Returns a path without a slash at its end. The root becomes empty.
fn trimmed(path: &ByteString) -> &[u8] {
    path.as_bytes().strip_suffix(b"/").unwrap_or(path.as_bytes())
}

/// Returns whether a task of a decision in this domain is in a cgroup or below it, or `None` if the recording does not show it.
pub(in crate::whatif) fn is_in(
    incident: &Incident,
    domain: Option<u64>,
    task: &Task,
    above: &ByteString,
) -> Option<bool> {
    let path = |id: u64| cgroup::path(&incident.memcgs, id);
    if let Some(path) = task.memcg.and_then(path) {
        return Some(cgroup::is_below(path.as_bytes(), above.as_bytes()));
    }
    // The path of its cgroup is not known, but the task is in the domain.
    let domain = path(domain?)?;
    cgroup::is_below(domain.as_bytes(), above.as_bytes()).then_some(true)
}

/// Returns the cgroups that the charge went through, leaf first, up to the root. They are the trigger's cgroup and its ancestors,
/// or those of the domain if the trigger is outside it.
pub(in crate::whatif) fn charged(incident: &Incident, domain: u64) -> Vec<&Memcg> {
    let leaf = incident.trigger.as_ref().and_then(|trigger| trigger.memcg);
    let chain = leaf.map(|leaf| cgroup::chain(&incident.memcgs, leaf)).unwrap_or_default();
    let has_domain = chain.iter().any(|memcg| memcg.id == domain);
    if has_domain { chain } else { cgroup::chain(&incident.memcgs, domain) }
}
