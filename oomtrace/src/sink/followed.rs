//! The acts of user space after a decision, in words for all sinks that people read.

use super::{
    sanitize::name,
    units::{ABSENT, count, or_absent, span},
};
use crate::{
    incident::Method,
    report::{Afterwards, Followed},
};

/// The number of processes that are named. JSON has more.
const NAMED: usize = 8;

/// What became of the victim's cgroup, as one line. `None` if nothing changed.
pub(super) fn afterwards(afterwards: &Afterwards) -> Option<String> {
    let removed = afterwards.cgroup_removed.then(|| "the victim's cgroup was removed".to_owned());
    let restarted = afterwards.restarted.as_ref().map(|process| {
        let comm = name(process.comm.as_bytes());
        format!("+{}: {comm} started again (pid {})", span(process.after_ns), process.pid)
    });
    match (restarted, removed) {
        (Some(restarted), Some(_)) => Some(format!("{restarted}, in a new cgroup of the same path")),
        (restarted, removed) => restarted.or(removed),
    }
}

/// One act as one line.
pub(super) fn act(act: &Followed) -> String {
    let comm = act.sender_comm.as_ref().map_or_else(|| ABSENT.to_owned(), |comm| name(comm.as_bytes()));
    let cgroup = act.cgroup.as_ref().map(|path| format!(" of {}", name(path.as_bytes()))).unwrap_or_default();
    let how = match act.method {
        Some(Method::CgroupKill) => "cgroup.kill",
        _ => act.signal,
    };
    let processes = if act.count == 1 { "process" } else { "processes" };
    format!(
        "+{}: {comm} (pid {}), {how} to {} {processes}{cgroup}",
        span(act.after_ns),
        or_absent(act.sender_pid),
        count(act.count)
    )
}

/// The processes of an act, up to the limit.
pub(super) fn processes(act: &Followed) -> Option<String> {
    let named = act.processes.iter().take(NAMED).map(|process| {
        let comm = process.comm.as_ref().map_or_else(|| ABSENT.to_owned(), |comm| name(comm.as_bytes()));
        format!("{comm} ({})", or_absent(process.pid))
    });
    let named: Vec<String> = named.collect();
    let hidden = act.count.saturating_sub(u64::try_from(named.len()).unwrap_or(u64::MAX));
    let more = if hidden > 0 { format!(" and {} more", count(hidden)) } else { String::new() };
    (!named.is_empty()).then(|| format!("{}{more}", named.join(", ")))
}
