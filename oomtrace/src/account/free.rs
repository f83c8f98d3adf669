//! Splits free memory by the reason why this allocation could not use it. The checks run in the page allocator's order.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/page_alloc.c#L3092> (`__zone_watermark_ok`)

use std::collections::{BTreeMap, BTreeSet};

use crate::incident::{FreeBlocks, Incident, MemoryState, Zone};

/// Migrate types that can serve any allocation.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/page_alloc.c#L3129>
const ORDINARY: [&str; 3] = ["unmovable", "movable", "reclaimable"];

/// Free memory by its use to this allocation, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Free {
    /// Memory that the allocation may use, as far as is known.
    pub(super) usable: u64,
    /// Memory below the watermark and the reserve.
    pub(super) reserved: u64,
    /// Memory that must stay free in the usable zones: watermarks and reserves.
    pub(super) must_stay: u64,
    /// Memory in zones above the allocation's class, by zone name.
    pub(super) other_zones: BTreeMap<String, u64>,
    /// Memory on nodes that the allocation may not use, by node number.
    pub(super) other_nodes: BTreeMap<i32, u64>,
    /// Memory in the contiguous memory allocator's areas.
    pub(super) cma: u64,
    /// Memory reserved for atomic allocations.
    pub(super) highatomic: u64,
    /// Memory above the watermark in zones without a large enough block.
    pub(super) fragmented: u64,
    /// Whether the class of the allocation is known. Without it, the split means nothing.
    pub(super) is_judged: bool,
    /// Zones that the allocation may use.
    pub(super) usable_zones: BTreeSet<String>,
    /// Bytes of the largest free block in the usable zones.
    pub(super) largest_block: u64,
}

impl Free {
    /// Returns all free memory in zones above the allocation's class.
    pub(super) fn other_zone(&self) -> u64 {
        self.other_zones.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// Returns all free memory on other nodes.
    pub(super) fn other_node(&self) -> u64 {
        self.other_nodes.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// Returns all free memory in the usable zones, including reserves.
    pub(super) const fn in_usable_zones(&self) -> u64 {
        let kept = self.reserved.saturating_add(self.cma).saturating_add(self.highatomic);
        self.usable.saturating_add(kept).saturating_add(self.fragmented)
    }
}

/// The limits of the allocation.
#[derive(Clone, Copy)]
struct Request<'a> {
    class: u32,
    allowed_nodes: Option<&'a [i32]>,
    order: usize,
    /// Whether the allocation is movable; `None` if its mask is not known.
    movable: Option<bool>,
}

/// Returns whether the allocation may use a zone, or `None` if its class is not known.
#[must_use]
pub fn may_use(state: &MemoryState, zone: &Zone) -> Option<bool> {
    let on_node = state.allowed_nodes.as_ref().is_none_or(|nodes| nodes.contains(&zone.node));
    state.class.map(|class| zone.index <= class && on_node)
}

/// Splits the free memory of all zones.
pub(super) fn split(incident: &Incident, state: &MemoryState) -> Free {
    let mut free = Free::default();
    let page_size = incident.page_size();
    let Some(class) = state.class else {
        let pages = state.zones.iter().fold(0, |sum: u64, zone| sum.saturating_add(zone.free_pages));
        free.usable = pages.saturating_mul(page_size);
        return free;
    };
    let order = incident.request.map_or(0, |request| request.order.max(0));
    let request = Request {
        class,
        allowed_nodes: state.allowed_nodes.as_deref(),
        order: usize::try_from(order).unwrap_or(0),
        movable: is_movable(incident),
    };
    free.is_judged = true;
    for zone in &state.zones {
        add(&mut free, zone, request, page_size);
    }
    free
}

/// Returns whether the allocation has `__GFP_MOVABLE`.
pub(super) fn is_movable(incident: &Incident) -> Option<bool> {
    let mask = u64::from(incident.request?.gfp_mask);
    let bits = &incident.session.as_ref()?.facts.gfp_bits;
    let bit = bits.iter().find(|bit| bit.name == "__GFP_MOVABLE")?;
    Some(mask & 1_u64.checked_shl(bit.bit.into()).unwrap_or(0) != 0)
}

fn add(free: &mut Free, zone: &Zone, request: Request<'_>, page_size: u64) {
    let bytes = |pages: u64| pages.saturating_mul(page_size);
    let pages = zone.free_pages;
    if zone.index > request.class {
        return grow(free.other_zones.entry(zone.name.clone()).or_default(), bytes(pages));
    }
    if request.allowed_nodes.is_some_and(|nodes| !nodes.contains(&zone.node)) {
        return grow(free.other_nodes.entry(zone.node).or_default(), bytes(pages));
    }
    free.usable_zones.insert(zone.name.clone());
    let cma = if request.movable == Some(false) { zone.cma_free_pages.unwrap_or(0).min(pages) } else { 0 };
    let highatomic = zone.highatomic_pages.unwrap_or(0).min(pages - cma);
    let rest = pages - cma - highatomic;
    let must_stay = must_stay(zone, request.class);
    let above = rest.saturating_sub(must_stay);
    grow(&mut free.cma, bytes(cma));
    grow(&mut free.highatomic, bytes(highatomic));
    grow(&mut free.reserved, bytes(rest - above));
    grow(&mut free.must_stay, bytes(must_stay));
    let usable = has_block(zone, request);
    grow(if usable { &mut free.usable } else { &mut free.fragmented }, bytes(above));
    free.largest_block = free.largest_block.max(bytes(largest_block(zone, request)));
}

/// Returns the pages that must stay free: the minimum watermark, its temporary boost, and the zone's reserve against this class.
pub(super) fn must_stay(zone: &Zone, class: u32) -> u64 {
    let reserve = usize::try_from(class).ok().and_then(|class| zone.reserve_pages.get(class));
    let min = zone.min_pages.unwrap_or(0).saturating_add(zone.boost_pages.unwrap_or(0));
    min.saturating_add(reserve.copied().unwrap_or(0))
}

/// Returns whether a free block is large enough. If the blocks were not read, this function assumes that one is.
fn has_block(zone: &Zone, request: Request<'_>) -> bool {
    let mut large = zone.free_blocks.iter().skip(request.order);
    request.order == 0 || zone.free_blocks.is_empty() || large.any(|blocks| fits(blocks, request))
}

fn fits(blocks: &FreeBlocks, request: Request<'_>) -> bool {
    let Some(types) = &blocks.types else { return blocks.count > 0 };
    let may = |name: &String| {
        ORDINARY.contains(&name.as_str()) || (name == "cma" && request.movable != Some(false))
    };
    blocks.count > 0 && types.iter().any(may)
}

/// Returns the pages of the largest block that can serve the allocation.
fn largest_block(zone: &Zone, request: Request<'_>) -> u64 {
    let fitting = zone.free_blocks.iter().enumerate().filter(|(_, blocks)| fits(blocks, request));
    let order = fitting.map(|(order, _)| order).max().and_then(|order| u32::try_from(order).ok());
    order.and_then(|order| 1_u64.checked_shl(order)).unwrap_or(0)
}

fn grow(sum: &mut u64, bytes: u64) {
    *sum = sum.saturating_add(bytes);
}
