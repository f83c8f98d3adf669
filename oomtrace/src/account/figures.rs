//! Reads the machine's counters: from zones and nodes if all of them were read, otherwise from `/proc/meminfo`.

use crate::incident::MemoryState;

/// The counters of a machine. All methods return bytes, or `None` if no source has the counter.
#[derive(Clone, Copy)]
pub(super) struct Figures<'a> {
    state: &'a MemoryState,
    page_size: u64,
    /// Whether zones and nodes cover the whole machine.
    is_whole: bool,
}

impl<'a> Figures<'a> {
    pub(super) fn of(state: &'a MemoryState, page_size: u64) -> Self {
        let left_out = state.zones_left_out > 0 || state.nodes_left_out > 0;
        let sized = state.zones.iter().all(|zone| zone.managed_pages.is_some());
        let is_whole = !left_out && sized && !state.zones.is_empty() && !state.nodes.is_empty();
        Self { state, page_size, is_whole }
    }

    /// Returns whether zones and nodes cover the whole machine.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns all memory that the page allocator manages. `MemTotal` is the same sum.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/show_mem.c#L76> (`si_meminfo`)
    pub(super) fn managed(&self) -> Option<u64> {
        let zones = self.state.zones.iter().map(|zone| zone.managed_pages.unwrap_or(0));
        let managed = self.is_whole.then(|| self.bytes(zones.fold(0, u64::saturating_add)));
        managed.or_else(|| self.meminfo("MemTotal")).filter(|bytes| *bytes > 0)
    }

    /// Returns a node counter, given its names on different kernels and in procfs, or else a line of `/proc/meminfo`.
    pub(super) fn node(&self, names: &[&str], meminfo: &str) -> Option<u64> {
        self.sum_of_nodes(names).or_else(|| self.meminfo(meminfo))
    }

    /// Returns a zone counter in the same way.
    pub(super) fn zone(&self, names: &[&str], meminfo: &str) -> Option<u64> {
        self.sum_of_zones(names).or_else(|| self.meminfo(meminfo))
    }

    /// Returns the free memory on the per-CPU lists.
    pub(super) fn percpu_lists(&self) -> Option<u64> {
        let pages: Vec<u64> = self.state.zones.iter().filter_map(|zone| zone.percpu_pages).collect();
        (self.is_whole && !pages.is_empty())
            .then(|| self.bytes(pages.into_iter().fold(0, u64::saturating_add)))
    }

    /// Returns a line of `/proc/meminfo`.
    pub(super) fn meminfo(&self, name: &str) -> Option<u64> {
        self.state.meminfo.as_ref()?.get(name).copied()
    }

    fn sum_of_nodes(&self, names: &[&str]) -> Option<u64> {
        let of = |counters: &std::collections::BTreeMap<String, u64>| {
            names.iter().find_map(|name| counters.get(*name).copied())
        };
        sum(self.state.nodes.iter().filter_map(|node| of(&node.counters))).filter(|_| self.is_whole)
    }

    fn sum_of_zones(&self, names: &[&str]) -> Option<u64> {
        let of = |counters: &std::collections::BTreeMap<String, u64>| {
            names.iter().find_map(|name| counters.get(*name).copied())
        };
        let pages = sum(self.state.zones.iter().filter_map(|zone| of(&zone.counters)));
        pages.filter(|_| self.is_whole).map(|pages| self.bytes(pages))
    }

    const fn bytes(&self, pages: u64) -> u64 {
        pages.saturating_mul(self.page_size)
    }
}

/// Returns the sum, or `None` if there is nothing to add.
fn sum(bytes: impl Iterator<Item = u64>) -> Option<u64> {
    bytes.reduce(u64::saturating_add)
}
