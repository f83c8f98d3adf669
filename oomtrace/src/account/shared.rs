//! Splits shared memory into files in tmpfs, System V segments, and the rest. The kernel has a single counter for all of it.

use crate::{
    bytes::ByteString,
    incident::{Surroundings, Tmpfs},
};

/// Shared memory by its holder, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shared {
    /// Files in tmpfs. They stay until they are deleted.
    pub(super) tmpfs: u64,
    /// System V segments. They stay until they are removed.
    pub(super) sysv: u64,
    /// The rest: memfd, shared anonymous mappings, and tmpfs of other mount namespaces.
    pub(super) other: u64,
    /// `true` if processes map the rest: it is then freed with the last of them. Otherwise it may be a memfd, which is freed when
    /// the last process closes it, or files of a tmpfs in another mount namespace, which stay.
    pub(super) is_other_mapped: Option<bool>,
}

/// Splits shared memory. `mapped` is the memory that processes map, counted once for each process; `None` if it is not recorded.
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

/// Returns the memory of all tmpfs mounts. Mounts of the same tmpfs count once.
pub(super) fn tmpfs_bytes(surroundings: &Surroundings) -> Option<u64> {
    let mounts = surroundings.tmpfs.as_ref()?;
    let same = |left: &Tmpfs, right: &Tmpfs| {
        left.used_bytes == right.used_bytes && left.size_bytes == right.size_bytes
    };
    let first = |(at, mount): &(usize, &Tmpfs)| !mounts.iter().take(*at).any(|other| same(other, mount));
    let each = mounts.iter().enumerate().filter(first);
    Some(each.fold(0, |sum: u64, (_, mount)| sum.saturating_add(mount.used_bytes)))
}

/// Returns the mount whose size is nearest to `bytes`, or `None` if no mount is within a tenth of it.
pub(super) fn mount_near(surroundings: &Surroundings, bytes: u64) -> Option<&Tmpfs> {
    let off = |mount: &&Tmpfs| mount.used_bytes.abs_diff(bytes);
    let nearest = surroundings.tmpfs.iter().flatten().min_by_key(off)?;
    (off(&nearest) <= bytes / 10).then_some(nearest)
}

/// Returns the mount that holds the most, if it holds more than half of `bytes`.
pub(super) fn fullest_mount(surroundings: &Surroundings, bytes: u64) -> Option<&Tmpfs> {
    let fullest = surroundings.tmpfs.iter().flatten().max_by_key(|mount| mount.used_bytes)?;
    (fullest.used_bytes > bytes / 2).then_some(fullest)
}

/// Returns the mount point that shared memory is in, as far as the sizes show it.
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
