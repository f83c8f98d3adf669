//! Finds the processes that grew, and by how much, from the samples before the decision and from the BPF programs' reading at the
//! decision.

use std::cmp::Reverse;

use super::curve::Point;
use crate::{
    bytes::ByteString,
    context::{LeadUp, ProcessHistory, TICK_NS},
    incident::{Incident, Task},
};

/// A process that grew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grown {
    pub(super) pid: i32,
    pub(super) comm: Option<ByteString>,
    pub(super) memcg: Option<u64>,
    /// `CLOCK_BOOTTIME` ns.
    pub(super) start_ns: Option<u64>,
    pub(super) growth_bytes: u64,
    pub(super) is_victim: bool,
    /// Resident memory over time, including the decision.
    pub(super) points: Vec<Point>,
}

/// Returns all processes with their growth since a time, the fastest first.
pub(super) fn grown(incident: &Incident, lead_up: &LeadUp, since_ns: u64) -> Vec<Grown> {
    let candidates = incident.ballot.iter().flat_map(|ballot| &ballot.candidates);
    let victims = incident.victims.iter().map(|victim| &victim.task);
    let mut tasks: Vec<&Task> = Vec::new();
    for task in victims
        .chain(incident.choice.iter().map(|choice| &choice.task))
        .chain(candidates.map(|candidate| &candidate.task))
    {
        // A ballot may have thousands of rows but names each process only once, so it is enough to search the first tasks.
        let is_known = tasks.iter().take(MOST_VICTIMS).any(|known| known.pid == task.pid);
        if task.pid.is_some() && !is_known {
            tasks.push(task);
        }
    }
    let histories = lead_up.processes.iter();
    let unseen = histories.filter(|history| tasks.iter().all(|task| !is_of(history, task)));
    let unseen = unseen.filter_map(|history| of_history(history, since_ns));
    let mut grown: Vec<Grown> =
        tasks.iter().filter_map(|task| of_task(incident, lead_up, task, since_ns)).chain(unseen).collect();
    grown.sort_by_key(|process| Reverse(process.growth_bytes));
    grown
}

/// The most victims, with the chosen task, that are compared with the rows of the ballot.
const MOST_VICTIMS: usize = 64;

fn is_of(history: &ProcessHistory, task: &Task) -> bool {
    let starts = history.start_boot_ns.zip(task.start_boot_ns);
    Some(history.pid) == task.pid && starts.is_none_or(|(one, other)| one.abs_diff(other) <= 2 * TICK_NS)
}

fn points(history: &ProcessHistory) -> Vec<Point> {
    let samples = history.at_ns.iter().zip(&history.resident_bytes);
    samples.map(|(at_ns, bytes)| Point { at_ns: *at_ns, bytes: *bytes }).collect()
}

/// Returns the growth of a process whose memory the BPF programs read at the decision.
fn of_task(incident: &Incident, lead_up: &LeadUp, task: &Task, since_ns: u64) -> Option<Grown> {
    let counters = task.exact.or(task.memory)?;
    let bytes = counters.resident_pages().saturating_mul(incident.page_size());
    let history = lead_up.processes.iter().find(|history| is_of(history, task));
    let mut points = history.map(points).unwrap_or_default();
    points.retain(|point| point.at_ns < incident.boot_ns);
    let before = before(&points, task.start_boot_ns, since_ns)?;
    points.push(Point { at_ns: incident.boot_ns, bytes });
    Some(Grown {
        pid: task.pid?,
        comm: task.leader_comm.clone().or_else(|| task.comm.clone()),
        memcg: task.memcg,
        start_ns: task.start_boot_ns,
        growth_bytes: bytes.saturating_sub(before),
        is_victim: incident.has_victim(task),
        points,
    })
}

/// Returns the growth of a process that only the samples contain.
fn of_history(history: &ProcessHistory, since_ns: u64) -> Option<Grown> {
    let points = points(history);
    let before = before(&points, history.start_boot_ns, since_ns)?;
    Some(Grown {
        pid: history.pid,
        comm: history.comm.clone(),
        memcg: history.memcg,
        start_ns: history.start_boot_ns,
        growth_bytes: points.last()?.bytes.saturating_sub(before),
        is_victim: false,
        points,
    })
}

/// Returns the memory of a process at a time: from the last sample before it, or else the first one after it. A process that had
/// not started had no memory. Returns `None` if the memory is not known.
fn before(points: &[Point], start_ns: Option<u64>, since_ns: u64) -> Option<u64> {
    if start_ns.is_some_and(|start| start.saturating_add(TICK_NS) >= since_ns) {
        return Some(0);
    }
    let last = points.iter().rev().find(|point| point.at_ns <= since_ns);
    last.or_else(|| points.first()).map(|point| point.bytes)
}
