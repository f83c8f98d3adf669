//! Reads facts about the machine's memory that only procfs and sysfs have: swap, huge pages, tmpfs, System V shared memory,
//! slab caches.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use super::{
    huge_pages::{self, Pools},
    lines::Lines,
    mounts::Mounts,
    slabinfo::Largest,
    swaps,
    sysvipc::Resident,
    tmpfs,
};
use crate::{
    context::{Slab, Surroundings},
    kernel::clock,
};

/// Maximum number of caches for which it is remembered whether reclaim can shrink them.
const CACHES_KEPT: usize = 256;

/// The files, open from the start. Later, this process may lack the permission to open them, or the kernel may lack the
/// memory.
#[derive(Debug, Default)]
pub(super) struct SurroundingsGauge {
    swaps: Option<File>,
    mounts: Option<File>,
    sysv: Option<File>,
    slabs: Option<File>,
    pools: Pools,
    /// Whether reclaim can shrink a cache. This never changes for a cache.
    reclaimable: BTreeMap<String, Option<bool>>,
    page_size: u64,
}

impl SurroundingsGauge {
    pub(super) fn open(page_size: u64) -> Self {
        let open = |path| File::open(path).ok();
        Self {
            swaps: open("/proc/swaps"),
            mounts: open("/proc/self/mountinfo"),
            sysv: open("/proc/sysvipc/shm"),
            slabs: open("/proc/slabinfo"),
            pools: Pools::find(Path::new("/sys")),
            reclaimable: BTreeMap::new(),
            page_size,
        }
    }

    /// Reads everything. Values that cannot be read are absent.
    pub(super) fn read(&mut self, lines: &mut Lines) -> Surroundings {
        let read_ns = clock::boot_ns();
        let (tmpfs, tmpfs_left_out) = self.tmpfs(lines).unzip();
        let (slabs, slabs_left_out) = self.slabs(lines).unzip();
        Surroundings {
            read_ns,
            swaps: self.swaps(lines),
            huge_pools: self.pools.read(),
            tmpfs,
            tmpfs_left_out: tmpfs_left_out.unwrap_or(0),
            sysv_shm_bytes: self.sysv_shm_bytes(lines),
            slabs,
            slabs_left_out: slabs_left_out.unwrap_or(0),
        }
    }

    fn swaps(&self, lines: &mut Lines) -> Option<Vec<crate::context::SwapDevice>> {
        let mut found = Vec::new();
        lines.each(self.swaps.as_ref(), |line| swaps::take_line(&mut found, line))?;
        Some(found)
    }

    fn tmpfs(&self, lines: &mut Lines) -> Option<(Vec<crate::context::Tmpfs>, u32)> {
        let mut mounts = Mounts::default();
        lines.each(self.mounts.as_ref(), |line| mounts.take_line(line))?;
        Some(tmpfs::fullest(&mounts))
    }

    fn sysv_shm_bytes(&self, lines: &mut Lines) -> Option<u64> {
        let mut resident = Resident::default();
        lines.each(self.sysv.as_ref(), |line| resident.take_line(line))?;
        resident.bytes()
    }

    fn slabs(&mut self, lines: &mut Lines) -> Option<(Vec<Slab>, u32)> {
        let mut largest = Largest::new(self.page_size);
        lines.each(self.slabs.as_ref(), |line| largest.take_line(line))?;
        let (mut slabs, left_out) = largest.finish();
        for slab in &mut slabs {
            slab.reclaimable = self.is_reclaimable(&slab.name);
        }
        Some((slabs, left_out))
    }

    fn is_reclaimable(&mut self, name: &str) -> Option<bool> {
        if let Some(known) = self.reclaimable.get(name) {
            return *known;
        }
        let found =
            reclaim_account(name).and_then(|file| huge_pages::number(&file)).map(|number| number != 0);
        if self.reclaimable.len() < CACHES_KEPT {
            self.reclaimable.insert(name.to_owned(), found);
        }
        found
    }
}

/// Returns the file in which the kernel shows whether it counts a cache as reclaimable.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/slub.c#L6683>
fn reclaim_account(name: &str) -> Option<PathBuf> {
    let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    is_plain.then(|| Path::new("/sys/kernel/slab").join(name).join("reclaim_account"))
}

#[cfg(test)]
mod tests {
    use super::{SurroundingsGauge, reclaim_account};
    use crate::source::shortage::lines::Lines;

    #[test]
    fn reads_this_machine() {
        let mut gauge = SurroundingsGauge::open(4096);
        let mut lines = Lines::new();
        for _ in 0..2 {
            let found = gauge.read(&mut lines);
            assert!(found.read_ns > 0 && found.swaps.is_some() && found.tmpfs.is_some());
            assert_eq!(found.slabs.is_some(), std::fs::File::open("/proc/slabinfo").is_ok());
            let dentry = found.slabs.iter().flatten().find(|slab| slab.name == "dentry");
            assert!(dentry.is_none_or(|slab| slab.reclaimable != Some(false)), "{dentry:?}");
        }
    }

    #[test]
    fn returns_none_for_unreadable_files() {
        let found = SurroundingsGauge::default().read(&mut Lines::new());
        let absent = crate::context::Surroundings { read_ns: found.read_ns, ..Default::default() };
        assert_eq!(found, absent);
    }

    #[test]
    fn rejects_names_that_leave_the_directory() {
        assert!(reclaim_account("dentry").is_some());
        for name in ["", ".", "..", "../a", "a/b"] {
            assert_eq!(reclaim_account(name), None);
        }
    }
}
