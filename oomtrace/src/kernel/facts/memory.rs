//! The names of the kernel's memory counters, zones and migrate types, by their numbers.

use serde::{Deserialize, Serialize};

use super::{Btf, KernelFacts};

/// The enumerators that index the arrays of a zone and a node. They depend on the configuration and the version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryNames {
    /// `enum zone_stat_item`.
    pub zone_stat_item: Vec<String>,
    /// `enum node_stat_item`.
    pub node_stat_item: Vec<String>,
    /// `enum migratetype`.
    pub migratetype: Vec<String>,
    /// `enum zone_type`.
    pub zone_type: Vec<String>,
    /// `enum zone_watermarks`.
    pub zone_watermarks: Vec<String>,
}

impl MemoryNames {
    /// Reads the names from a kernel's BTF. A missing enum gives an empty list.
    pub(super) fn read(btf: &Btf) -> Self {
        Self {
            zone_stat_item: names(btf, "zone_stat_item"),
            node_stat_item: names(btf, "node_stat_item"),
            migratetype: names(btf, "migratetype"),
            zone_type: names(btf, "zone_type"),
            zone_watermarks: names(btf, "zone_watermarks"),
        }
    }

    /// The number of a zone with this name.
    #[must_use]
    pub fn zone(&self, name: &str) -> Option<u32> {
        self.zone_type.iter().position(|zone| zone == name).and_then(|at| u32::try_from(at).ok())
    }

    /// The number of a watermark with this name.
    #[must_use]
    pub fn watermark(&self, name: &str) -> Option<usize> {
        self.zone_watermarks.iter().position(|watermark| watermark == name)
    }
}

/// The maximum number of enumerators that are kept.
const MOST: usize = 256;

/// The names of an enum by number. If two names have the same number, the later one is right, because the earlier one stands
/// for a range (`NR_LRU_BASE`, `MIGRATE_PCPTYPES`). A name with leading underscores marks an end (`__MIGRATE_TYPE_END` since
/// 7.0) and replaces no other. The last number is the count.
fn names(btf: &Btf, of: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in btf.enums(Some(of)).flat_map(|found| found.enumerators()) {
        let Some(at) = usize::try_from(entry.value).ok().filter(|at| *at < MOST) else { continue };
        if names.len() <= at {
            names.resize(at + 1, String::new());
        }
        if let Some(name) = names.get_mut(at).filter(|name| name.is_empty() || !entry.name.starts_with("__"))
        {
            entry.name.clone_into(name);
        }
    }
    names.pop();
    names
}

impl KernelFacts {
    /// The highest zone that an allocation with this mask may use, by its number.
    /// <https://github.com/torvalds/linux/blob/v6.12/include/linux/gfp.h#L150> (`gfp_zone`)
    #[must_use]
    pub fn class(&self, gfp_mask: u32) -> Option<u32> {
        let zone = |name| self.memory.zone(name);
        let normal = zone("ZONE_NORMAL")?;
        let [dma, dma32, highmem, movable] = ["__GFP_DMA", "__GFP_DMA32", "__GFP_HIGHMEM", "__GFP_MOVABLE"]
            .map(|flag| self.has(gfp_mask, flag));
        Some(if dma {
            zone("ZONE_DMA").unwrap_or(normal)
        } else if dma32 {
            zone("ZONE_DMA32").unwrap_or(normal)
        } else if highmem && movable {
            zone("ZONE_MOVABLE").unwrap_or(normal)
        } else if highmem {
            zone("ZONE_HIGHMEM").unwrap_or(normal)
        } else {
            normal
        })
    }

    /// Whether a mask has the flag with this name.
    #[must_use]
    pub fn has(&self, gfp_mask: u32, flag: &str) -> bool {
        let bits = self.gfp_bits.iter().filter(|known| known.name == flag);
        bits.into_iter().any(|known| 1_u32.checked_shl(known.bit.into()).unwrap_or(0) & gfp_mask != 0)
    }
}
