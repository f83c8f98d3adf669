//! Reads `/proc/zoneinfo`: zones with their watermarks, and the counters of zones and nodes.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/vmstat.c#L1713> (`zoneinfo_show_print`)

use super::lines;
use crate::context::{Node, Zone, Zones};

/// Maximum number of zones, and of nodes, that are kept. The kernel side sends no more either.
const MOST: usize = 64;

/// Maximum number of counters that are kept for each zone or node. There are about 60.
const MOST_COUNTERS: usize = 128;

/// Names in procfs that differ from their enumerators. All other names are the enumerators in lower case.
const ENUMERATORS: [(&str, &str); 11] = [
    ("nr_anon_pages", "nr_anon_mapped"),
    ("nr_mapped", "nr_file_mapped"),
    ("nr_dirty", "nr_file_dirty"),
    ("nr_slab_reclaimable", "nr_slab_reclaimable_b"),
    ("nr_slab_unreclaimable", "nr_slab_unreclaimable_b"),
    (KERNEL_STACK, "nr_kernel_stack_kb"),
    (SHADOW_CALL_STACK, "nr_kernel_scs_kb"),
    ("nr_page_table_pages", "nr_pagetable"),
    ("nr_sec_page_table_pages", "nr_secondary_pagetable"),
    ("nr_swapcached", "nr_swapcache"),
    ("nr_free_cma", "nr_free_cma_pages"),
];

/// The two counters in KiB. All others are in pages.
const KERNEL_STACK: &str = "nr_kernel_stack";
const SHADOW_CALL_STACK: &str = "nr_shadow_call_stack";

/// Counters of events, and counters that procfs shows in huge pages. None of them is an amount of memory in pages.
const NO_MEMORY: [&str; 12] = [
    "nr_shmem_hugepages",
    "nr_shmem_pmdmapped",
    "nr_file_hugepages",
    "nr_file_pmdmapped",
    "nr_anon_transparent_hugepages",
    "nr_vmscan_write",
    "nr_vmscan_immediate_reclaim",
    "nr_dirtied",
    "nr_written",
    "nr_throttled_written",
    "nr_foll_pin_acquired",
    "nr_foll_pin_released",
];

/// The part of the file that a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Neither a zone nor a node.
    Other,
    /// The counters of the node.
    Node,
    /// The watermarks, sizes and counters of the zone.
    Zone,
    /// Each CPU's pages of the zone.
    Pagesets,
}

/// The zones and nodes in the lines so far.
pub(super) struct Zoneinfo {
    page_size: u64,
    part: Part,
    /// The zone that the current lines describe.
    zone: Option<Zone>,
    zones: Vec<Zone>,
    zones_left_out: u32,
    nodes: Vec<Node>,
}

impl Zoneinfo {
    pub(super) const fn new(page_size: u64) -> Self {
        Self {
            page_size,
            part: Part::Other,
            zone: None,
            zones: Vec::new(),
            zones_left_out: 0,
            nodes: Vec::new(),
        }
    }

    /// Takes the next line.
    pub(super) fn take_line(&mut self, line: &[u8]) {
        if let Some((node, name, _)) = zone_head(line) {
            return self.begin(node, name);
        }
        let mut words = lines::words(line);
        let Some(name) = words.next() else { return };
        match name {
            "per-node" => self.begin_node(),
            "pagesets" => self.part = Part::Pagesets,
            "pages" => {
                self.part = Part::Zone;
                if let (Some(zone), Some(pages)) = (&mut self.zone, words.nth(1).and_then(number)) {
                    zone.free_pages = pages;
                }
            }
            "protection:" => self.take_reserves(line),
            _ => {
                if let Some(value) = words.next().and_then(number) {
                    self.take_figure(name, value);
                }
            }
        }
    }

    /// Returns the zones and nodes. Zones without memory are left out, because no allocation can fall back to them.
    pub(super) fn finish(mut self, read_ns: u64) -> Zones {
        self.end_zone();
        let Self { zones, zones_left_out, nodes, .. } = self;
        Zones { read_ns, zones, zones_left_out, nodes }
    }

    /// Begins a zone. The file lists all zones of a node, including those without memory, in the order of `enum zone_type`.
    fn begin(&mut self, node: i32, name: &str) {
        let before = self.zone.as_ref().filter(|zone| zone.node == node).map(|zone| zone.index);
        self.end_zone();
        let index = before.map_or(0, |index| index.saturating_add(1));
        self.zone = Some(Zone { node, name: name.to_owned(), index, ..Zone::default() });
        self.part = Part::Other;
    }

    fn end_zone(&mut self) {
        let Some(zone) = self.zone.take().filter(|zone| zone.managed_pages.is_some_and(|pages| pages > 0))
        else {
            return;
        };
        if self.zones.len() < MOST {
            self.zones.push(without_boost(zone));
        } else {
            self.zones_left_out = self.zones_left_out.saturating_add(1);
        }
    }

    /// Begins a node. A node's counters come with its first zone that has memory.
    fn begin_node(&mut self) {
        let Some(node) = self.zone.as_ref().map(|zone| zone.node) else { return };
        self.part = Part::Other;
        if self.nodes.len() < MOST {
            self.part = Part::Node;
            self.nodes.push(Node { node, ..Node::default() });
        }
    }

    fn take_figure(&mut self, name: &str, value: u64) {
        match (self.part, &mut self.zone, self.nodes.last_mut()) {
            (Part::Node, _, Some(node)) => {
                if let Some(enumerator) = enumerator(name).filter(|_| node.counters.len() < MOST_COUNTERS) {
                    let unit = if is_in_kib(name) { 1024 } else { self.page_size };
                    node.counters.insert(enumerator.to_owned(), value.saturating_mul(unit));
                }
            }
            (Part::Zone, Some(zone), _) => take_zone_figure(zone, name, value),
            (Part::Pagesets, Some(zone), _) if name == "count:" => {
                zone.percpu_pages = Some(zone.percpu_pages.unwrap_or(0).saturating_add(value));
            }
            _ => {}
        }
    }

    /// Parses `protection: (0, 3019, 23371)`: the reserves by class.
    fn take_reserves(&mut self, line: &[u8]) {
        let Some(zone) = &mut self.zone else { return };
        let numbers =
            std::str::from_utf8(line).unwrap_or_default().split(|letter: char| !letter.is_ascii_digit());
        zone.reserve_pages = numbers.filter_map(number).take(MOST).collect();
    }
}

fn take_zone_figure(zone: &mut Zone, name: &str, value: u64) {
    match name {
        "boost" => zone.boost_pages = Some(value),
        "min" => zone.min_pages = Some(value),
        "low" => zone.low_pages = Some(value),
        "high" => zone.high_pages = Some(value),
        "present" => zone.present_pages = Some(value),
        "managed" => zone.managed_pages = Some(value),
        _ => {
            let Some(enumerator) = enumerator(name).filter(|_| zone.counters.len() < MOST_COUNTERS) else {
                return;
            };
            if enumerator == "nr_free_cma_pages" {
                zone.cma_free_pages = Some(value);
            }
            zone.counters.insert(enumerator.to_owned(), value);
        }
    }
}

/// Subtracts the boost from the watermarks. The file shows watermarks with the boost added. Kernels that do not show the
/// boost leave it in.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/mmzone.h#L698> (`wmark_pages`)
fn without_boost(mut zone: Zone) -> Zone {
    let boost = zone.boost_pages.unwrap_or(0);
    for watermark in [&mut zone.min_pages, &mut zone.low_pages, &mut zone.high_pages] {
        *watermark = watermark.map(|pages| pages.saturating_sub(boost));
    }
    zone
}

/// Parses `Node 0, zone    DMA32`, and returns the words that follow.
pub(super) fn zone_head(line: &[u8]) -> Option<(i32, &str, impl Iterator<Item = &str>)> {
    let mut words = lines::words(line.strip_prefix(b"Node ")?);
    let node = words.next()?.strip_suffix(',')?.parse().ok()?;
    words.next().filter(|word| *word == "zone")?;
    Some((node, words.next()?, words))
}

/// Returns the enumerator of a counter, if the counter is an amount of memory.
fn enumerator(name: &str) -> Option<&str> {
    let counts_memory = name.starts_with("nr_") && !NO_MEMORY.contains(&name);
    let renamed = ENUMERATORS.iter().find(|(shown, _)| *shown == name).map(|(_, enumerator)| *enumerator);
    counts_memory.then(|| renamed.unwrap_or(name))
}

fn is_in_kib(name: &str) -> bool {
    [KERNEL_STACK, SHADOW_CALL_STACK].contains(&name)
}

fn number(word: &str) -> Option<u64> {
    word.parse().ok()
}

#[cfg(test)]
#[path = "tests/zoneinfo.rs"]
mod tests;
