//! Describes what user space did after a decision, and earlier incidents of the same kind.

use serde::Serialize;

use crate::{
    attribute::cgroup,
    bytes::ByteString,
    incident::{self, Incident, Method, Task},
};

/// A kill by user space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// "SIGKILL" or "SIGTERM". After SIGTERM, the sender may have sent SIGKILL to the same processes.
    pub signal: &'static str,
    /// The method; `None` in a recording of an earlier version.
    pub method: Option<Method>,
    /// Number of processes.
    pub count: u64,
    /// Number of these processes that `victims` does not list.
    pub left_out: u64,
}

/// An act of user space after a decision of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// "SIGKILL" or "SIGTERM".
    pub signal: &'static str,
    /// The method.
    pub method: Option<Method>,
    /// Process id of the sender.
    pub sender_pid: Option<i32>,
    /// Name of the sender's process.
    pub sender_comm: Option<ByteString>,
    /// Memory cgroup of the sender.
    pub sender_cgroup: Option<ByteString>,
    /// Time from the decision to the first signal, ns.
    pub after_ns: u64,
    /// The innermost cgroup that contains all targets.
    pub cgroup: Option<ByteString>,
    /// Number of processes.
    pub count: u64,
    /// Number of these processes that have no row.
    pub left_out: u64,
    /// The first processes.
    pub processes: Vec<Known>,
}

/// A process that received the signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Process id.
    pub pid: Option<i32>,
    /// Name of the process.
    pub comm: Option<ByteString>,
}

/// Earlier incidents of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Repeats {
    /// Number of incidents, including this one.
    pub count: u64,
    /// Time since the first incident, ns.
    pub since_ns: u64,
}

/// What became of the chosen victim's cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Afterwards {
    /// Whether the cgroup no longer exists.
    pub cgroup_removed: bool,
    /// A process at the cgroup's path that has the victim's name and started after the kill.
    pub restarted: Option<Restarted>,
}

/// A process that was started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restarted {
    /// Its id.
    pub pid: i32,
    /// Its name.
    pub comm: ByteString,
    /// Time from the decision to its start, ns.
    pub after_ns: u64,
}

pub(super) fn afterwards(incident: &Incident) -> Option<Afterwards> {
    let told = incident.afterwards.as_ref()?;
    Some(Afterwards {
        cgroup_removed: told.removed,
        restarted: told.restarted.as_ref().map(|process| Restarted {
            pid: process.pid,
            comm: process.comm.clone(),
            after_ns: process.start_boot_ns.saturating_sub(incident.boot_ns),
        }),
    })
}

pub(super) fn sent(incident: &Incident) -> Option<Sent> {
    let kill = incident.user_kill.as_ref()?;
    let listed = incident.victims.len();
    let count = kill.count(listed);
    Some(Sent {
        signal: kill.signal_name(),
        method: kill.method,
        count,
        left_out: count.saturating_sub(number(listed)),
    })
}

pub(super) fn followed(incident: &Incident) -> Vec<Followed> {
    incident.followed.iter().map(|act| one(incident, act)).collect()
}

fn one(incident: &Incident, act: &incident::Followed) -> Followed {
    let path = |id: Option<u64>| cgroup::path_of(incident, id?);
    Followed {
        signal: incident::signal_name(act.signal),
        method: act.method,
        sender_pid: act.sender.pid,
        sender_comm: process_name(&act.sender),
        sender_cgroup: path(act.sender.memcg),
        after_ns: act.boot_ns.saturating_sub(incident.boot_ns),
        cgroup: path(act.memcg),
        count: act.count,
        left_out: act.count.saturating_sub(number(act.processes.len())),
        processes: act
            .processes
            .iter()
            .map(|task| Known { pid: task.pid, comm: process_name(task) })
            .collect(),
    }
}

pub(super) fn repeats(incident: &Incident) -> Option<Repeats> {
    let known = incident.repeats?;
    Some(Repeats { count: known.count, since_ns: incident.boot_ns.saturating_sub(known.first_ns) })
}

fn process_name(task: &Task) -> Option<ByteString> {
    task.leader_comm.clone().or_else(|| task.comm.clone())
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
