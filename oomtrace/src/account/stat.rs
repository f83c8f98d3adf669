//! `memory.stat` of a cgroup, by the names of v2 and of v1.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1356> (`memory_stats`)

use std::collections::BTreeMap;

/// The figures of a cgroup and all below it, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Stat<'a> {
    stat: &'a BTreeMap<String, u64>,
}

impl<'a> Stat<'a> {
    pub(super) const fn new(stat: &'a BTreeMap<String, u64>) -> Self {
        Self { stat }
    }

    /// Whether the names are those of v1, which tells next to nothing of kernel memory.
    pub(super) fn is_v1(self) -> bool {
        self.stat.contains_key("rss") || self.stat.contains_key("total_rss")
    }

    /// A figure by its name. On v1 a name alone is of the cgroup itself, without those below it.
    pub(super) fn get(self, name: &str) -> Option<u64> {
        self.stat.get(&format!("total_{name}")).or_else(|| self.stat.get(name)).copied()
    }

    /// The same, 0 where it is not there.
    pub(super) fn bytes(self, name: &str) -> u64 {
        self.get(name).unwrap_or(0)
    }

    /// Anonymous memory that processes map.
    pub(super) fn anon(self) -> u64 {
        self.get("anon").or_else(|| self.get("rss")).unwrap_or(0)
    }

    /// Shared memory.
    pub(super) fn shmem(self) -> u64 {
        self.bytes("shmem")
    }

    /// Page cache without shared memory. A cgroup's counter does not have the swap cache.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/swap_state.c#L106>
    pub(super) fn file(self) -> u64 {
        self.get("file").or_else(|| self.get("cache")).unwrap_or(0).saturating_sub(self.shmem())
    }

    /// Pages of the swap cache that no process maps: what the lists have beyond all other kinds.
    pub(super) fn swap_cache(self) -> u64 {
        let lists = ["inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable"];
        let on_lists = self.sum(&lists);
        let owned = self.anon().saturating_add(self.file()).saturating_add(self.shmem());
        on_lists.saturating_sub(owned).min(self.bytes("swapcached"))
    }

    /// Dirty pages and pages under writeback.
    pub(super) fn dirty(self) -> Option<u64> {
        let dirty = self.get("file_dirty").or_else(|| self.get("dirty"))?;
        let writeback = self.get("file_writeback").or_else(|| self.get("writeback"));
        Some(dirty.saturating_add(writeback.unwrap_or(0)))
    }

    /// Several of them.
    pub(super) fn sum(self, names: &[&str]) -> u64 {
        names.iter().fold(0, |sum: u64, name| sum.saturating_add(self.bytes(name)))
    }
}
