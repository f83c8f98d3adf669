//! A clause about the kills that user space sent after the kernel's kill.

use super::{
    place,
    words::{duration, name},
};
use crate::incident::{Followed, Incident, Method, SIGTERM};

/// A clause for the sentence: the act that hit most processes.
pub(super) fn note(incident: &Incident) -> Option<String> {
    let largest = incident.followed.iter().max_by_key(|act| act.count)?;
    let more = match incident.followed.len().saturating_sub(1) {
        0 => String::new(),
        1 => ", and 1 more such act followed".to_owned(),
        count => format!(", and {count} more such acts followed"),
    };
    Some(format!("; then {}{more}", act(incident, largest)))
}

/// A clause about the cgroup after the kill: whether the command runs again, or whether the cgroup is gone.
pub(super) fn afterwards(incident: &Incident) -> Option<String> {
    let told = incident.afterwards.as_ref()?;
    match &told.restarted {
        Some(process) => {
            let after = duration(process.start_boot_ns.saturating_sub(incident.boot_ns));
            let comm = process.comm.to_words();
            Some(format!("; {comm} was started again after {after} (pid {})", process.pid))
        }
        None => told.removed.then(|| "; its cgroup was then removed".to_owned()),
    }
}

fn act(incident: &Incident, act: &Followed) -> String {
    let sender = name(incident, &act.sender);
    let processes = if act.count == 1 { "process" } else { "processes" };
    let of = act.memcg.map(|id| format!(" of {}", place::of_cgroup(incident, id))).unwrap_or_default();
    let who = format!("{} other {processes}{of}", act.count);
    let after = duration(act.boot_ns.saturating_sub(incident.boot_ns));
    match (act.signal, act.method) {
        (SIGTERM, _) => format!("{sender} sent SIGTERM to {who} after {after}"),
        (_, Some(Method::CgroupKill)) => format!("{sender} killed {who} with cgroup.kill after {after}"),
        _ => format!("{sender} killed {who} with SIGKILL after {after}"),
    }
}
