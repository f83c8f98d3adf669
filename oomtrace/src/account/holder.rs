//! Who holds the memory where a kill does not reach it.

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

/// Who holds memory that no kill frees, or that the kernel's choice does not go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// Why a kill does not reach it.
    pub kind: HolderKind,
    /// How much it holds.
    pub bytes: u64,
    /// How many processes it is; `None` where it is none that is known.
    pub processes: Option<u64>,
    /// Process id, of a single one.
    pub pid: Option<i32>,
    /// Name of the process, or of all of them.
    pub comm: Option<ByteString>,
    /// Path of its memory cgroup, or of the one that they share.
    pub cgroup: Option<ByteString>,
    /// In words.
    pub text: String,
}

/// From so many processes on they are many.
const MANY: u64 = 4;
/// From so many processes on kernel memory by process counts as a fork bomb.
const BOMB: u64 = 32;

/// The first that fits, the surest first.
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

/// The largest process that may not be killed, where it holds more than the victims.
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

/// Stacks, page tables and slab that come with each process, where a crowd of them holds the memory so.
fn fork_bomb(account: &Account, members: Members) -> Option<Holder> {
    let kinds = [What::KernelStack, What::PageTables, What::SlabUnreclaimable];
    let bytes = kinds.iter().fold(0, |sum: u64, what| sum.saturating_add(account.bytes_of(*what)));
    let stacks = account.bytes_of(What::KernelStack).saturating_add(account.bytes_of(What::PageTables));
    // Where slab alone is large, it is something else that fills it.
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

/// Charges that no member of the cgroup has. Cgroup v2 never moves them.
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

/// Processes of one name that together hold most, and each score less than the victim, which was small.
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

/// The cgroup that all of them are in.
fn shared_cgroup(incident: &Incident, rows: &[(&Candidate, u64)]) -> Option<ByteString> {
    let mut ids = rows.iter().map(|(row, _)| row.task.memcg);
    let first = ids.next()??;
    ids.all(|id| id == Some(first)).then(|| cgroup::path_of(incident, first))?
}
