//! Formats names of tasks and cgroups for the answer and for refusals.

use super::{Holding, Who};
use crate::{
    account::What,
    attribute::cgroup,
    bytes::ByteString,
    incident::{Incident, Task},
};

/// Returns a task's name in the table, preferably the name of its process.
pub(super) fn comm(task: &Task) -> Option<ByteString> {
    task.leader_comm.as_ref().or(task.comm.as_ref()).cloned()
}

/// Formats a task's name and pid.
pub(super) fn name(task: &Task) -> String {
    named(comm(task).as_ref(), task.pid.or(task.tid))
}

/// Formats a name and a pid, as far as they are known.
pub(super) fn named(comm: Option<&ByteString>, pid: Option<i32>) -> String {
    let comm = comm.map_or_else(|| "a process".to_owned(), ByteString::to_words);
    pid.map_or_else(|| comm.clone(), |pid| format!("{comm} (pid {pid})"))
}

/// Formats a cgroup's path, or its id if the path is not known.
pub(super) fn path(incident: &Incident, id: u64) -> String {
    let path = cgroup::path(&incident.memcgs, id);
    path.map_or_else(|| format!("the cgroup with id {id}"), |path| path.to_words())
}

/// Formats several paths.
pub(super) fn paths(incident: &Incident, ids: impl IntoIterator<Item = u64>) -> String {
    let paths: Vec<String> = ids.into_iter().map(|id| path(incident, id)).collect();
    if paths.is_empty() { "none is".to_owned() } else { paths.join(", ") }
}

/// Describes a holder of memory outside the processes.
pub(super) fn holding(by: &Holding) -> String {
    match by {
        Holding::Tmpfs(mount) => format!("the tmpfs at {}", mount.to_words()),
        Holding::Part(What::Unexplained) => "the unexplained memory".to_owned(),
        Holding::Part(what) => format!("the part {}", what.name()),
    }
}

/// Describes a property that no candidate has.
pub(super) fn who_in_vain(who: &Who) -> String {
    match who {
        Who::Pid(pid) => format!("has the pid {pid}"),
        Who::Comm(comm) => format!("is named {}", comm.to_words()),
        Who::Cgroup(cgroup) => format!("is in the cgroup {}", cgroup.to_words()),
    }
}

/// Remarks that other processes may die with the victim.
pub(super) fn scope_unknown(task: &Task) -> String {
    format!(
        "it is not known whether memory.oom.group would kill others with {}: not all cgroups above it are recorded",
        name(task)
    )
}
