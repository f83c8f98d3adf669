//! The announcement of a kill by user space, with what was read before the kill.

use serde::Serialize;

use crate::{
    bytes::ByteString,
    context::{self, Stall},
    incident::Incident,
};

/// The announcement of a kill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prekill {
    /// Process id of the killer that announced it.
    pub pid: Option<i32>,
    /// Name of the killer.
    pub comm: Option<ByteString>,
    /// The announced cgroup.
    pub cgroup: ByteString,
    /// Time from the announcement to the first signal, ns.
    pub before_ns: u64,
    /// What was read about the cgroup; `None` if nothing was.
    pub snapshot: Option<Snapshot>,
}

/// The cgroup while its processes were about to be killed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Time from the announcement to the beginning of the reading, ns.
    pub after_ns: u64,
    /// Time that the reading took, ns.
    pub took_ns: u64,
    /// `memory.current`.
    pub usage_bytes: Option<u64>,
    /// `memory.swap.current`.
    pub swap_bytes: Option<u64>,
    /// Anonymous memory.
    pub anon_bytes: Option<u64>,
    /// Page cache with shared memory.
    pub file_bytes: Option<u64>,
    /// Shared memory.
    pub shmem_bytes: Option<u64>,
    /// The share of ten seconds in which a task waited for memory, in thousandths.
    pub stall_permille: Option<u16>,
    /// The same for all tasks at once.
    pub full_stall_permille: Option<u16>,
    /// Number of processes.
    pub processes_total: Option<u64>,
    /// Number of these processes that have no row.
    pub left_out: Option<u64>,
    /// Whether the memory of all processes was compared.
    pub all_compared: bool,
    /// The largest processes, the largest first.
    pub processes: Vec<PrekillProcess>,
}

/// A process of the cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrekillProcess {
    /// Process id.
    pub pid: i32,
    /// Name of the process.
    pub comm: Option<ByteString>,
    /// Resident memory.
    pub rss_bytes: u64,
    /// The first arguments.
    pub cmdline: Option<Vec<ByteString>>,
}

pub(super) fn prekill(incident: &Incident, told: &context::Prekill) -> Prekill {
    Prekill {
        pid: told.pid,
        comm: told.comm.clone(),
        cgroup: told.cgroup.clone(),
        before_ns: incident.boot_ns.saturating_sub(told.announced_ns),
        snapshot: told.snapshot.as_ref().map(|snapshot| of(told, snapshot)),
    }
}

fn of(told: &context::Prekill, read: &context::Snapshot) -> Snapshot {
    let listed = u64::try_from(read.processes.len()).unwrap_or(u64::MAX);
    let stall = |share: fn(Stall) -> Option<f64>| read.stall.and_then(share).and_then(permille);
    Snapshot {
        after_ns: read.from_ns.saturating_sub(told.announced_ns),
        took_ns: read.to_ns.saturating_sub(read.from_ns),
        usage_bytes: read.usage_bytes,
        swap_bytes: read.swap_bytes,
        anon_bytes: read.anon_bytes,
        file_bytes: read.file_bytes,
        shmem_bytes: read.shmem_bytes,
        stall_permille: stall(|stall| Some(stall.some_avg10)),
        full_stall_permille: stall(|stall| stall.full_avg10),
        processes_total: read.processes_total,
        left_out: read.processes_total.map(|total| total.saturating_sub(listed)),
        all_compared: read.all_compared,
        processes: read.processes.iter().map(process).collect(),
    }
}

fn process(process: &context::PrekillProcess) -> PrekillProcess {
    let context::PrekillProcess { pid, comm, rss_bytes, cmdline } = process.clone();
    PrekillProcess { pid, comm, rss_bytes, cmdline }
}

/// Converts percent to thousandths; `None` for anything else than a share, as in a damaged recording.
fn permille(percent: f64) -> Option<u16> {
    let thousandths = (percent * 10.0).round();
    (0.0..=1000.0).contains(&thousandths).then(|| format!("{thousandths:.0}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::permille;

    #[test]
    fn a_share_is_rounded_and_anything_else_is_absent() {
        assert_eq!([permille(0.0), permille(12.34), permille(100.0)], [Some(0), Some(123), Some(1000)]);
        assert_eq!([permille(-1.0), permille(100.1), permille(f64::NAN), permille(f64::INFINITY)], [None; 4]);
    }
}
