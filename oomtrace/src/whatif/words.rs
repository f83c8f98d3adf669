//! Names of tasks and cgroups in words, for the answer and for a refusal.

use super::{Holding, Who};
use crate::{
    account::What,
    attribute::cgroup,
    bytes::ByteString,
    incident::{Incident, Task},
};

/// A task's name in the table: the process's own where it is known.
pub(super) fn comm(task: &Task) -> Option<ByteString> {
    task.leader_comm.as_ref().or(task.comm.as_ref()).cloned()
}

/// Name and pid.
pub(super) fn name(task: &Task) -> String {
    named(comm(task).as_ref(), task.pid.or(task.tid))
}

/// Name and pid, as far as they are known.
pub(super) fn named(comm: Option<&ByteString>, pid: Option<i32>) -> String {
    let comm = comm.map_or_else(|| "a process".to_owned(), ByteString::to_words);
    pid.map_or_else(|| comm.clone(), |pid| format!("{comm} (pid {pid})"))
}

/// A cgroup's path, or its number where that is not known.
pub(super) fn path(incident: &Incident, id: u64) -> String {
    let path = cgroup::path(&incident.memcgs, id);
    path.map_or_else(|| format!("the cgroup with id {id}"), |path| path.to_words())
}

/// Several paths.
pub(super) fn paths(incident: &Incident, ids: impl IntoIterator<Item = u64>) -> String {
    let paths: Vec<String> = ids.into_iter().map(|id| path(incident, id)).collect();
    if paths.is_empty() { "none is".to_owned() } else { paths.join(", ") }
}

/// What holds memory outside of the processes.
pub(super) fn holding(by: &Holding) -> String {
    match by {
        Holding::Tmpfs(mount) => format!("the tmpfs at {}", mount.to_words()),
        Holding::Part(What::Unexplained) => "the unexplained memory".to_owned(),
        Holding::Part(what) => format!("the part {}", what.name()),
    }
}

/// A property that no candidate has.
pub(super) fn who_in_vain(who: &Who) -> String {
    match who {
        Who::Pid(pid) => format!("has the pid {pid}"),
        Who::Comm(comm) => format!("is named {}", comm.to_words()),
        Who::Cgroup(cgroup) => format!("is in the cgroup {}", cgroup.to_words()),
    }
}

/// That a group may go with the victim.
pub(super) fn scope_unknown(task: &Task) -> String {
    format!(
        "it is not known whether memory.oom.group would kill others with {}: not all cgroups above it are recorded",
        name(task)
    )
}
