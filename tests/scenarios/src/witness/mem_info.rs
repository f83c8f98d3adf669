//! Mem-Info: the state of the memory, printed in the report of a shortage of the whole machine (`__show_mem`,
//! <https://github.com/torvalds/linux/blob/v6.12/mm/show_mem.c#L397>). A report at a memory cgroup's limit has none.
//!
//! Figures keep the kernel's own names. The names differ between kernels: `boost` came with 5.12, `free_highatomic` with 6.12,
//! and `pagetables` moved from the zones to the nodes in 5.11.

mod blocks;
mod figures;
mod zone;

use std::collections::BTreeMap;

pub use self::blocks::FreeBlocks;
pub use self::zone::Zone;

/// Everything that the kernel prints about the memory.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MemInfo {
    /// Figures of the whole machine in pages. They count every node, printed or not.
    pub totals: BTreeMap<String, u64>,
    /// Figures of each printed node in bytes, by the node's number. The report of a confined allocation omits the other nodes.
    pub nodes: BTreeMap<i32, BTreeMap<String, u64>>,
    /// The zones with memory in those nodes, in the kernel's order.
    pub zones: Vec<Zone>,
    /// Pools of huge pages, each size of each node.
    pub huge_pools: Vec<HugePool>,
    /// Size of all swap, in bytes. Absent on a kernel without swap.
    pub swap_total_bytes: Option<u64>,
    /// Free part of it, in bytes.
    pub swap_free_bytes: Option<u64>,
    /// Pages of RAM.
    pub ram_pages: Option<u64>,
    /// Pages of RAM that the page allocator does not manage.
    pub reserved_pages: Option<u64>,
    /// Pages of RAM above the lowest zones: HighMem or Movable.
    pub movable_only_pages: Option<u64>,
    /// Slab caches that cannot be reclaimed, in bytes. The kernel prints them only if they use more than user space.
    pub slabs: BTreeMap<String, u64>,
}

/// A pool of huge pages of one size on one node
/// (`hugetlb_show_meminfo_node`, <https://github.com/torvalds/linux/blob/v6.12/mm/hugetlb.c#L4989>).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HugePool {
    /// The node.
    pub node: i32,
    /// Size of one page, in bytes.
    pub size_bytes: u64,
    /// Pages in the pool.
    pub total: u64,
    /// Unused pages in it.
    pub free: u64,
    /// Pages beyond the configured number.
    pub surplus: u64,
}

impl MemInfo {
    /// The first line after `Mem-Info:`, whose figures have no unit.
    fn is_totals(line: &str) -> bool {
        line.starts_with("active_anon:")
    }

    /// Reads a line. Returns whether it is part of Mem-Info.
    pub(super) fn take(&mut self, line: &str) -> bool {
        if Self::is_totals(line) {
            self.totals = figures::pages(line);
            return true;
        }
        if let Some(reserve) = zone::reserve(line) {
            self.zones.last_mut().into_iter().for_each(|zone| zone.reserve_pages.clone_from(&reserve));
            return true;
        }
        if let Some((node, rest)) = node(line) {
            self.of_node(node, rest);
            return true;
        }
        self.of_machine(line)
    }

    /// The zone of a node.
    #[must_use]
    pub fn zone(&self, node: i32, name: &str) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.node == node && zone.name == name)
    }

    /// The sum of the managed bytes of all zones.
    #[must_use]
    pub fn managed_bytes(&self) -> u64 {
        self.zones.iter().filter_map(|zone| zone.figures.get("managed")).sum()
    }

    /// Parses the text after `Node 1 `: figures of the node, a pool of huge pages, free blocks of a zone, or figures of a zone.
    fn of_node(&mut self, node: i32, rest: &str) {
        if rest.starts_with("active_anon:") {
            self.nodes.insert(node, figures::bytes(rest));
        } else if let Some(pool) = huge_pool(node, rest) {
            self.huge_pools.push(pool);
        } else if let Some((name, blocks)) = blocks::parse(rest) {
            let zone = self.zones.iter_mut().find(|zone| zone.node == node && zone.name == name);
            zone.into_iter().for_each(|zone| zone.free_blocks.clone_from(&blocks));
        } else if let Some(zone) = Zone::parse(node, rest) {
            self.zones.push(zone);
        }
    }

    fn of_machine(&mut self, line: &str) -> bool {
        let after = |head: &str, tail: &str| line.strip_prefix(head)?.trim().strip_suffix(tail)?.parse().ok();
        let before = |tail: &str| line.strip_suffix(tail)?.parse().ok();
        let kib = |number: Option<u64>| number.map(|kib| kib * 1024);
        if let Some(bytes) = kib(after("Free swap  = ", "kB")) {
            self.swap_free_bytes = Some(bytes);
        } else if let Some(bytes) = kib(after("Total swap = ", "kB")) {
            self.swap_total_bytes = Some(bytes);
        } else if let Some(pages) = before(" pages RAM") {
            self.ram_pages = Some(pages);
        } else if let Some(pages) = before(" pages HighMem/MovableOnly") {
            self.movable_only_pages = Some(pages);
        } else if let Some(pages) = before(" pages reserved") {
            self.reserved_pages = Some(pages);
        } else if let Some((name, bytes)) = slab(line) {
            self.slabs.insert(name, bytes);
        } else {
            return false;
        }
        true
    }
}

/// Splits `Node 1 …` into the number and the rest.
fn node(line: &str) -> Option<(i32, &str)> {
    let (number, rest) = line.strip_prefix("Node ")?.split_once(' ')?;
    Some((number.parse().ok()?, rest))
}

/// Parses `hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB`.
fn huge_pool(node: i32, rest: &str) -> Option<HugePool> {
    let figure = |name: &str| {
        let word = rest.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        word?.trim_end_matches("kB").parse::<u64>().ok()
    };
    Some(HugePool {
        node,
        size_bytes: figure("hugepages_size")?.checked_mul(1024)?,
        total: figure("hugepages_total")?,
        free: figure("hugepages_free")?,
        surplus: figure("hugepages_surp")?,
    })
}

/// Parses `NAME USEDKB TOTALKB`: a cache and the size of its slabs (`dump_unreclaimable_slab`,
/// <https://github.com/torvalds/linux/blob/v6.12/mm/slab_common.c#L1090>).
fn slab(line: &str) -> Option<(String, u64)> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [name, used, total] = words.as_slice() else { return None };
    let kib = |word: &str| word.strip_suffix("KB")?.parse::<u64>().ok();
    kib(used)?;
    Some(((*name).to_owned(), kib(total)?.checked_mul(1024)?))
}

#[cfg(test)]
mod tests {
    use super::MemInfo;

    #[test]
    fn reads_huge_pools_swap_and_slabs() {
        let mut info = MemInfo::default();
        let lines = [
            "Node 1 hugepages_total=3 hugepages_free=2 hugepages_surp=1 hugepages_size=2048kB",
            "Free swap  = 12kB",
            "Total swap = 16380kB",
            "130942 pages RAM",
            "7 pages HighMem/MovableOnly",
            "13826 pages reserved",
            "eventfd_ctx           34567KB      34568KB",
        ];
        assert!(lines.iter().all(|line| info.take(line)));
        let pool = info.huge_pools.first().unwrap();
        assert_eq!((pool.node, pool.total, pool.free, pool.surplus, pool.size_bytes), (1, 3, 2, 1, 2 << 20));
        assert_eq!((info.swap_free_bytes, info.swap_total_bytes), (Some(12 << 10), Some(16380 << 10)));
        assert_eq!(
            (info.ram_pages, info.movable_only_pages, info.reserved_pages),
            (Some(130_942), Some(7), Some(13_826))
        );
        assert_eq!(info.slabs.get("eventfd_ctx"), Some(&(34_568 << 10)));
    }

    #[test]
    fn ignores_other_lines() {
        let mut info = MemInfo::default();
        for line in ["Tasks state (memory values in pages):", "0 pages in swap cache", "Mem-Info:", ""] {
            assert!(!info.take(line), "{line}");
        }
        assert_eq!(info, MemInfo::default());
    }
}
