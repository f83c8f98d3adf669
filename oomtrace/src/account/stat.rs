//! Reads `memory.stat` of a cgroup, with the names of v2 and of v1.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1356> (`memory_stats`)

use std::collections::BTreeMap;

/// The figures of a cgroup and of all cgroups below it, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Stat<'a> {
    stat: &'a BTreeMap<String, u64>,
}

impl<'a> Stat<'a> {
    pub(super) const fn new(stat: &'a BTreeMap<String, u64>) -> Self {
        Self { stat }
    }

    /// Returns whether the names are those of v1, which has almost no counters of kernel memory.
    pub(super) fn is_v1(self) -> bool {
        self.stat.contains_key("rss") || self.stat.contains_key("total_rss")
    }

    /// Returns a figure by its name. On v1, a name without `total_` does not include the cgroups below.
    pub(super) fn get(self, name: &str) -> Option<u64> {
        self.stat.get(&format!("total_{name}")).or_else(|| self.stat.get(name)).copied()
    }

    /// Returns a figure by its name, or 0 if it is missing.
    pub(super) fn bytes(self, name: &str) -> u64 {
        self.get(name).unwrap_or(0)
    }

    /// Returns the anonymous memory that processes map.
    pub(super) fn anon(self) -> u64 {
        self.get("anon").or_else(|| self.get("rss")).unwrap_or(0)
    }

    /// Returns the shared memory.
    pub(super) fn shmem(self) -> u64 {
        self.bytes("shmem")
    }

    /// Returns the page cache without shared memory. A cgroup's counter does not include the swap cache.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/swap_state.c#L106>
    pub(super) fn file(self) -> u64 {
        self.get("file").or_else(|| self.get("cache")).unwrap_or(0).saturating_sub(self.shmem())
    }

    /// Returns the swap cache that no process maps: the excess of the LRU lists over all other kinds of memory.
    pub(super) fn swap_cache(self) -> u64 {
        let lists = ["inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable"];
        let on_lists = self.sum(&lists);
        let owned = self.anon().saturating_add(self.file()).saturating_add(self.shmem());
        on_lists.saturating_sub(owned).min(self.bytes("swapcached"))
    }

    /// Returns the dirty pages and pages under writeback.
    pub(super) fn dirty(self) -> Option<u64> {
        let dirty = self.get("file_dirty").or_else(|| self.get("dirty"))?;
        let writeback = self.get("file_writeback").or_else(|| self.get("writeback"));
        Some(dirty.saturating_add(writeback.unwrap_or(0)))
    }

    /// Returns the sum of several figures.
    pub(super) fn sum(self, names: &[&str]) -> u64 {
        names.iter().fold(0, |sum: u64, name| sum.saturating_add(self.bytes(name)))
    }
}
