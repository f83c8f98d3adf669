//! Computes how much of the memory that ran out no kill frees, and how much was left, before and after the change.

use super::{holding::Freed, limit::Ground, recorded::Recorded};
use crate::{
    account::Account,
    explain::limits,
    whatif::{Memory, Room},
};

/// Returns the memory before and after the change, or `None` without an account.
pub(in crate::whatif) fn memory(recorded: &Recorded<'_>, ground: &Ground, freed: &Freed) -> Option<Memory> {
    let account = recorded.verdict.account.as_ref()?;
    let limit = limit(recorded, account);
    let before = room(account, limit);
    let requested = ground.limit_pages.map(|pages| bytes(recorded, pages));
    let after = Room {
        limit_bytes: requested.unwrap_or(limit),
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
