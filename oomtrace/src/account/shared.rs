//! Shared memory, split by what holds it: files in tmpfs, System V segments, and the rest. The kernel counts all of it as one.

use crate::{
    bytes::ByteString,
    incident::{Surroundings, Tmpfs},
};

/// Shared memory by what holds it, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shared {
    /// Files in tmpfs. They stay until somebody deletes them.
    pub(super) tmpfs: u64,
    /// System V segments. They stay until somebody removes them.
    pub(super) sysv: u64,
    /// The rest: memfd, shared anonymous mappings, tmpfs of other mount namespaces.
    pub(super) other: u64,
    /// `true` if processes map the rest: then it goes with the last of them. Otherwise it may be a memfd, which goes with the last that
    /// has it open, or files of a tmpfs that is mounted elsewhere, which stay.
    pub(super) is_other_mapped: Option<bool>,
}

/// Splits shared memory. `mapped` is how much of it processes map, each counted by itself; `None` where that was not seen.
pub(super) fn split(
    bytes: u64,
    tmpfs_bytes: Option<u64>,
    sysv_bytes: Option<u64>,
    mapped: Option<u64>,
) -> Shared {
    let tmpfs = tmpfs_bytes.unwrap_or(0).min(bytes);
    let sysv = sysv_bytes.unwrap_or(0).min(bytes - tmpfs);
    let other = bytes - tmpfs - sysv;
    let is_other_mapped = mapped.filter(|mapped| *mapped >= other / 2).map(|_| true);
    Shared { tmpfs, sysv, other, is_other_mapped }
}

/// All that the tmpfs mounts hold; mounts of the same tmpfs count once.
pub(super) fn tmpfs_bytes(surroundings: &Surroundings) -> Option<u64> {
    let mounts = surroundings.tmpfs.as_ref()?;
    let same = |left: &Tmpfs, right: &Tmpfs| {
        left.used_bytes == right.used_bytes && left.size_bytes == right.size_bytes
    };
    let first = |(at, mount): &(usize, &Tmpfs)| !mounts.iter().take(*at).any(|other| same(other, mount));
    let each = mounts.iter().enumerate().filter(first);
    Some(each.fold(0, |sum: u64, (_, mount)| sum.saturating_add(mount.used_bytes)))
}

/// The mount that holds about so much: within a tenth, and the nearest of several. `None` where no mount fits.
pub(super) fn mount_near(surroundings: &Surroundings, bytes: u64) -> Option<&Tmpfs> {
    let off = |mount: &&Tmpfs| mount.used_bytes.abs_diff(bytes);
    let nearest = surroundings.tmpfs.iter().flatten().min_by_key(off)?;
    (off(&nearest) <= bytes / 10).then_some(nearest)
}

/// The mount that holds the most, if that is more than half of so much.
pub(super) fn fullest_mount(surroundings: &Surroundings, bytes: u64) -> Option<&Tmpfs> {
    let fullest = surroundings.tmpfs.iter().flatten().max_by_key(|mount| mount.used_bytes)?;
    (fullest.used_bytes > bytes / 2).then_some(fullest)
}

/// The name of the mount that shared memory is in, as far as it follows from the sizes.
pub(super) fn mount_of(
    surroundings: Option<&Surroundings>,
    bytes: u64,
    is_machine: bool,
) -> Option<ByteString> {
    let near = mount_near(surroundings?, bytes);
    let mount =
        near.or_else(|| surroundings.filter(|_| is_machine).and_then(|all| fullest_mount(all, bytes)));
    mount.map(|mount| mount.mount.clone())
}
