//! Computes how much of the memory that ran out no kill frees, and how much was left, before and after the change.

use serde::Serialize;

use super::{holding::Freed, limit::Ground, recorded::Recorded};
use crate::{
    account::{Account, Whole},
    explain::limits,
};

/// The memory that ran out, before and after the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// The owner of the memory.
    pub of: Whole,
    /// The memory before the change.
    pub before: Room,
    /// The memory after the change.
    pub after: Room,
}

/// The memory of a cgroup or of the machine at the moment of the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Room {
    /// The cgroup's limit, or the memory that the page allocator manages. `None` if there is no limit or it was not read.
    pub limit_bytes: Option<u64>,
    /// The memory in use.
    pub used_bytes: u64,
    /// The memory that is not in use. For the machine this is all free memory. Some of it must stay free.
    pub left_bytes: Option<u64>,
    /// The part of the memory in use that no kill frees.
    pub stays_bytes: u64,
    /// The part of the memory in use that a kill may or may not free.
    pub unknown_bytes: u64,
}

/// Returns the memory before and after the change, or `None` without an account.
pub(super) fn memory(recorded: &Recorded<'_>, ground: &Ground, freed: &Freed) -> Option<Memory> {
    let account = recorded.verdict.account.as_ref()?;
    let limit = limit(recorded, account);
    let before = room(account, limit);
    let asked = ground.limit_pages.map(|pages| bytes(recorded, pages));
    let after = Room {
        limit_bytes: asked.unwrap_or(limit),
        used_bytes: before.used_bytes.saturating_sub(freed.bytes),
        left_bytes: None,
        stays_bytes: before.stays_bytes.saturating_sub(freed.stays_bytes),
        unknown_bytes: before.unknown_bytes.saturating_sub(freed.unknown_bytes),
    };
    Some(Memory { of: account.of, before: left(before), after: left(after) })
}

fn room(account: &Account, limit_bytes: Option<u64>) -> Room {
    Room {
        limit_bytes,
        used_bytes: account.total_bytes.saturating_sub(account.free_bytes()),
        left_bytes: None,
        stays_bytes: account.stays_bytes(),
        unknown_bytes: account.unknown_bytes(),
    }
}

fn left(room: Room) -> Room {
    Room { left_bytes: room.limit_bytes.map(|limit| limit.saturating_sub(room.used_bytes)), ..room }
}

/// Returns the limit before the change.
fn limit(recorded: &Recorded<'_>, account: &Account) -> Option<u64> {
    let Some(domain) = recorded.domain else { return Some(account.total_bytes) };
    let memcg = recorded.incident.memcgs.get(&domain)?;
    let (_, pages) = limits::memory(memcg, recorded.incident.page_size())?;
    bytes(recorded, pages)
}

/// Converts a limit to bytes. Returns `None` if there is no limit.
fn bytes(recorded: &Recorded<'_>, pages: u64) -> Option<u64> {
    let page_size = recorded.incident.page_size();
    (pages < limits::counter_max(page_size)).then(|| pages.saturating_mul(page_size))
}
