//! Finds the process or group of processes that holds the memory if the kill does not free it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Account, What,
    holder_kind::HolderKind,
    members::{self, Members},
    words,
};
use crate::{
    attribute::cgroup,
    bytes::ByteString,
    incident::{Candidate, Incident, PassedOver},
};

/// A holder of memory that no kill frees, or that the kernel does not choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// Why a kill does not reach it.
    pub kind: HolderKind,
    /// Memory that it holds.
    pub bytes: u64,
    /// Number of processes; `None` if no process is known to hold it.
    pub processes: Option<u64>,
    /// Process id, if it is a single process.
    pub pid: Option<i32>,
    /// Name of the process, or the common name of all processes.
    pub comm: Option<ByteString>,
    /// Path of its memory cgroup, or of the one that all processes share.
    pub cgroup: Option<ByteString>,
    /// The sentence about it.
    pub text: String,
}

/// The least number of processes that counts as many.
const MANY: u64 = 4;
/// The least number of processes that counts as a fork bomb, if their kernel memory is large.
const BOMB: u64 = 32;

/// Returns the first holder that fits. The most certain kind is tried first.
pub(super) fn find(incident: &Incident, account: &Account, members: Option<Members>) -> Option<Holder> {
    exempt(incident, account)
        .or_else(|| fork_bomb(account, members?))
        .or_else(|| left_behind(account))
        .or_else(|| many(incident, account))
}

fn is_much(bytes: u64, account: &Account) -> bool {
    bytes > account.total_bytes / 4
}

fn anon_of(incident: &Incident, candidate: &Candidate) -> u64 {
    let pages = members::counters(incident, candidate).map_or(0, |counters| counters.anon_pages);
    pages.saturating_mul(incident.page_size())
}

/// Finds the largest process that may not be killed, if it holds more than the victims.
fn exempt(incident: &Incident, account: &Account) -> Option<Holder> {
    let rows = incident.ballot.as_ref()?.candidates.iter();
    let kind = |row: &Candidate| match row.passed_over? {
        PassedOver::AdjMin => Some(HolderKind::Exempt),
        PassedOver::Init => Some(HolderKind::Init),
        PassedOver::AlreadyVictim
        | PassedOver::OomSkip
        | PassedOver::InVfork
        | PassedOver::NoMemory
        | PassedOver::NotEligible => None,
    };
    let exempt = rows.filter_map(|row| Some((row, kind(row)?, anon_of(incident, row))));
    let (row, kind, bytes) = exempt.max_by_key(|(_, _, bytes)| *bytes)?;
    let more = bytes > account.victim_bytes.unwrap_or(0);
    let task = &row.task;
    (more && is_much(bytes, account)).then(|| Holder {
        kind,
        bytes,
        processes: Some(1),
        pid: task.pid,
        comm: task.leader_comm.clone().or_else(|| task.comm.clone()),
        cgroup: task.memcg.and_then(|id| cgroup::path_of(incident, id)),
        text: words::exempt(kind, task, bytes, account.total_bytes),
    })
}

/// Finds a fork bomb: many processes whose kernel stacks, page tables and slab hold the memory.
fn fork_bomb(account: &Account, members: Members) -> Option<Holder> {
    let kinds = [What::KernelStack, What::PageTables, What::SlabUnreclaimable];
    let bytes = kinds.iter().fold(0, |sum: u64, what| sum.saturating_add(account.bytes_of(*what)));
    let stacks = account.bytes_of(What::KernelStack).saturating_add(account.bytes_of(What::PageTables));
    // If only slab is large, something other than processes fills it.
    let is_bomb = members.count >= BOMB && stacks > bytes / 4 && bytes > account.total_bytes / 3;
    is_bomb.then(|| Holder {
        kind: HolderKind::ForkBomb,
        bytes,
        processes: Some(members.count),
        pid: None,
        comm: None,
        cgroup: None,
        text: words::fork_bomb(members.count, bytes, account),
    })
}

/// Finds charges that no member of the cgroup owns. Cgroup v2 never moves charges.
fn left_behind(account: &Account) -> Option<Holder> {
    let bytes = account.bytes_of(What::AnonLeftBehind);
    is_much(bytes, account).then(|| Holder {
        kind: HolderKind::LeftBehind,
        bytes,
        processes: None,
        pid: None,
        comm: None,
        cgroup: None,
        text: words::left_behind(bytes, account.total_bytes),
    })
}

/// Finds processes of one name that together hold more than a quarter of the memory, while each scores less than a small victim.
fn many(incident: &Incident, account: &Account) -> Option<Holder> {
    let choice = incident.choice.as_ref().filter(|choice| !choice.is_allocating_task())?;
    let victim = account.victim_bytes?;
    let mut groups: BTreeMap<&ByteString, Vec<(&Candidate, u64)>> = BTreeMap::new();
    for row in &incident.ballot.as_ref()?.candidates {
        let comm = row.task.leader_comm.as_ref().or(row.task.comm.as_ref());
        if let Some(comm) = comm.filter(|_| row.points.is_some_and(|points| points < choice.points)) {
            groups.entry(comm).or_default().push((row, anon_of(incident, row)));
        }
    }
    let sum =
        |rows: &[(&Candidate, u64)]| rows.iter().fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes));
    let (comm, rows) = groups.into_iter().max_by_key(|(_, rows)| sum(rows))?;
    let (bytes, count) = (sum(&rows), u64::try_from(rows.len()).ok()?);
    let largest = rows.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    let is_holder = count >= MANY && is_much(bytes, account) && victim < largest && victim < bytes / 10;
    is_holder.then(|| Holder {
        kind: HolderKind::Many,
        bytes,
        processes: Some(count),
        pid: None,
        comm: Some(comm.clone()),
        cgroup: shared_cgroup(incident, &rows),
        text: words::many(
            count,
            comm,
            bytes,
            &choice.task,
            choice.total_pages.saturating_mul(incident.page_size()),
            account,
        ),
    })
}

/// Returns the cgroup that contains all of these candidates.
fn shared_cgroup(incident: &Incident, rows: &[(&Candidate, u64)]) -> Option<ByteString> {
    let mut ids = rows.iter().map(|(row, _)| row.task.memcg);
    let first = ids.next()??;
    ids.all(|id| id == Some(first)).then(|| cgroup::path_of(incident, first))?
}
