//! Repeated incidents: the memory of the same cgroup ran out, and the victim has the same name.

use std::collections::VecDeque;

use crate::{
    bytes::ByteString,
    cgroup,
    incident::{Incident, Repeats, Role},
};

/// Maximum number of kinds of incidents that are remembered.
const KINDS: usize = 64;

/// Time after an incident within which another one of its kind repeats it, ns.
pub(super) const REPEAT_NS: u64 = 600_000_000_000;

/// The properties that make two incidents alike.
/// The cgroup is identified by its path, because a cgroup that was created again has another id. For a container of a pod,
/// this is the path of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    domain: Option<ByteString>,
    comm: ByteString,
}

#[derive(Clone, Debug)]
struct Past {
    kind: Kind,
    count: u64,
    first_ns: u64,
    last_ns: u64,
    /// The count and the first time without the last incident. A report of the last incident needs them.
    before: Option<(u64, u64)>,
}

/// Kinds of recent incidents.
#[derive(Debug, Default)]
pub(super) struct Kinds(VecDeque<Past>);

impl Kinds {
    /// Remembers an incident. A second call with the same incident changes nothing.
    pub(super) fn keep(&mut self, incident: &Incident) {
        let Some(kind) = kind(incident) else { return };
        let at = incident.boot_ns;
        let known = self.0.iter().position(|past| past.kind == kind).and_then(|index| self.0.remove(index));
        let past = match known {
            Some(past) if past.last_ns >= at => past,
            Some(past) if at.saturating_sub(past.last_ns) < REPEAT_NS => Past {
                count: past.count.saturating_add(1),
                last_ns: at,
                before: Some((past.count, past.first_ns)),
                ..past
            },
            _ => Past { kind, count: 1, first_ns: at, last_ns: at, before: None },
        };
        self.0.push_back(past);
        if self.0.len() > KINDS {
            self.0.pop_front();
        }
    }

    /// Returns the earlier incidents that an incident repeats.
    pub(super) fn repeats(&self, incident: &Incident) -> Option<Repeats> {
        let kind = kind(incident)?;
        let past = self.0.iter().find(|past| past.kind == kind)?;
        let at = incident.boot_ns;
        let (count, first_ns) = if past.last_ns == at {
            past.before?
        } else if past.last_ns < at && at.saturating_sub(past.last_ns) < REPEAT_NS {
            (past.count, past.first_ns)
        } else {
            return None;
        };
        Some(Repeats { count: count.saturating_add(1), first_ns })
    }
}

/// Returns the kind: the cgroup that ran out (on tiers without passes: the victim's cgroup) and the victim's name.
pub(super) fn kind(incident: &Incident) -> Option<Kind> {
    let chosen = incident.victims.iter().find(|victim| victim.role == Role::Chosen);
    let victim = &chosen.or_else(|| incident.victims.first())?.task;
    let id = if incident.pass.is_some() { incident.domain() } else { victim.memcg };
    let comm = victim.leader_comm.clone().or_else(|| victim.comm.clone())?;
    let path = id.and_then(|id| cgroup::path(&incident.memcgs, id));
    let domain = path.map(|path| ByteString::from(cgroup::lasting(path.as_bytes()).to_vec()));
    Some(Kind { domain, comm })
}
