//! Computes how much memory would have been free if a tmpfs, or another part of the account, had held less.

use std::collections::BTreeMap;

use super::recorded::Recorded;
use crate::{
    account::{Account, Part, What},
    bytes::ByteString,
    incident::Tmpfs,
    whatif::{Change, Holding, Refusal, words},
};

/// The memory that the changes free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::whatif) struct Freed {
    /// All freed memory.
    pub(in crate::whatif) bytes: u64,
    /// The part of it that no kill frees.
    pub(in crate::whatif) stays_bytes: u64,
    /// The part of it that a kill may or may not free.
    pub(in crate::whatif) unknown_bytes: u64,
    /// The assumptions of the answer.
    pub(in crate::whatif) remarks: Vec<String>,
}

/// Adds up the changes. If several changes name the same holder, the last one counts.
pub(in crate::whatif) fn freed(recorded: &Recorded<'_>, changes: &[Change]) -> Result<Freed, Refusal> {
    let mut requested: Vec<(&Holding, u64)> = Vec::new();
    for change in changes {
        let Change::Held { by, bytes } = change else { continue };
        requested.retain(|(other, _)| *other != by);
        requested.push((by, *bytes));
    }
    let mut freed = Freed::default();
    if requested.is_empty() {
        return Ok(freed);
    }
    let account = recorded.verdict.account.as_ref().ok_or(Refusal::NoAccount)?;
    let mut of_parts: BTreeMap<What, u64> = BTreeMap::new();
    for (by, bytes) in requested {
        let (what, less) = match by {
            Holding::Part(what) => (*what, less_of_part(account, *what, bytes)?),
            Holding::Tmpfs(mount) => {
                (What::Tmpfs, less_of_tmpfs(recorded, account, mount, bytes, &mut freed.remarks)?)
            }
        };
        let sum = of_parts.entry(what).or_default();
        *sum = sum.saturating_add(less).min(account.bytes_of(what));
    }
    for (what, bytes) in of_parts {
        let has = |test: fn(&Part) -> bool| account.parts.iter().any(|part| part.what == what && test(part));
        freed.bytes = freed.bytes.saturating_add(bytes);
        freed.stays_bytes = freed.stays_bytes.saturating_add(if has(Part::stays) { bytes } else { 0 });
        freed.unknown_bytes =
            freed.unknown_bytes.saturating_add(if has(Part::is_unknown) { bytes } else { 0 });
    }
    Ok(freed)
}

fn less_of_part(account: &Account, what: What, bytes: u64) -> Result<u64, Refusal> {
    let held = account.bytes_of(what);
    if held == 0 {
        let known = account.parts.iter().filter(|part| part.bytes > 0).map(|part| part.what.name());
        return Err(Refusal::NoPart { part: what.name(), known: known.collect::<Vec<_>>().join(", ") });
    }
    less(held, bytes, words::holding(&Holding::Part(what)))
}

fn less(held: u64, bytes: u64, what: String) -> Result<u64, Refusal> {
    held.checked_sub(bytes).ok_or(Refusal::HeldLess { what, bytes: held })
}

/// Returns the memory that the files of a tmpfs would give back. Some files may be in swap. The resident ones are at least the
/// tmpfs part of the account minus all other mounts.
fn less_of_tmpfs(
    recorded: &Recorded<'_>,
    account: &Account,
    mount: &ByteString,
    bytes: u64,
    remarks: &mut Vec<String>,
) -> Result<u64, Refusal> {
    let mounts = recorded.incident.surroundings.as_deref().and_then(|around| around.tmpfs.as_deref());
    let mounts = mounts.unwrap_or_default();
    let named = find(mounts, mount)?;
    let what = || words::holding(&Holding::Tmpfs(mount.clone()));
    less(named.used_bytes, bytes, what())?;
    let part = account.bytes_of(What::Tmpfs);
    let resident = match recorded.domain {
        None => {
            let others = mounts.iter().filter(|other| !is_same(other, named));
            let others = others.fold(0, |sum: u64, other| sum.saturating_add(other.used_bytes));
            named.used_bytes.min(part.saturating_sub(others))
        }
        Some(domain) => {
            let cgroup = words::path(recorded.incident, domain);
            // No counter shows which cgroup the pages of a tmpfs are charged to.
            if named.used_bytes.abs_diff(part) > part / 10 {
                return Err(Refusal::ChargeUnknown { what: what(), cgroup });
            }
            remarks.push(format!("{} is taken for memory of {cgroup} because the sizes fit", what()));
            named.used_bytes.min(part)
        }
    };
    Ok(resident.saturating_sub(bytes))
}

/// Finds the tmpfs at a mount point. If several are mounted on one another, the first in the list is the fullest.
fn find<'a>(mounts: &'a [Tmpfs], mount: &ByteString) -> Result<&'a Tmpfs, Refusal> {
    let path = |path: &ByteString| {
        let bytes = path.as_bytes();
        if bytes.len() > 1 { bytes.strip_suffix(b"/").unwrap_or(bytes).to_vec() } else { bytes.to_vec() }
    };
    let wanted = path(mount);
    mounts.iter().find(|one| path(&one.mount) == wanted).ok_or_else(|| {
        let known: Vec<String> = mounts.iter().map(|one| one.mount.to_words()).collect();
        let known = if known.is_empty() { "none is".to_owned() } else { known.join(", ") };
        Refusal::UnknownMount { mount: mount.to_words(), known }
    })
}

/// Returns whether two mounts count as the same tmpfs, by the same rule as in the account.
fn is_same(left: &Tmpfs, right: &Tmpfs) -> bool {
    left.used_bytes == right.used_bytes && left.size_bytes == right.size_bytes
}
