//! Computes how much memory had to become free for the allocation to succeed, whatever zone it was freed in.

use super::free::{is_movable, may_use, must_stay};
use crate::incident::{Incident, MemoryState, StateSource, Zone};

/// Returns a number of bytes that is enough whatever zones they are freed in: it fills all memory that cannot serve this
/// allocation, plus one page. Returns `None` if it is not known, and for an allocation of several pages, because those must be
/// contiguous.
#[must_use]
pub fn enough_bytes(incident: &Incident) -> Option<u64> {
    let state = incident.memory_state.as_deref()?;
    let (class, request) = (state.class?, incident.request?);
    // Procfs is read later than the decision. SysRq has order -1 and needs no memory.
    let is_seen = state.source == StateSource::Decision && state.zones_left_out == 0;
    if !is_seen || state.zones.is_empty() || request.order != 0 {
        return None;
    }
    let movable = is_movable(incident) == Some(true);
    let of_zone = |zone: &Zone| {
        let takes = if may_use(state, zone) == Some(true) { missing(zone, class, movable) } else { None };
        takes.unwrap_or_else(|| used(zone))
    };
    let pages = state.zones.iter().fold(1, |sum: u64, zone| sum.saturating_add(of_zone(zone)));
    let bytes = pages.saturating_mul(incident.page_size());
    Some(if movable { bytes } else { bytes.saturating_add(cma_in_use(state)) })
}

/// Returns how many pages a zone lacks to serve the allocation, or `None` if its watermark was not read.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/page_alloc.c#L3092> (`__zone_watermark_ok`)
fn missing(zone: &Zone, class: u32, movable: bool) -> Option<u64> {
    zone.min_pages?;
    let cma = if movable { 0 } else { zone.cma_free_pages.unwrap_or(0) };
    let kept = cma.saturating_add(zone.highatomic_pages.unwrap_or(0));
    Some(must_stay(zone, class).saturating_sub(zone.free_pages.saturating_sub(kept)))
}

/// Returns all pages that can become free in a zone.
fn used(zone: &Zone) -> u64 {
    zone.managed_pages.unwrap_or(u64::MAX).saturating_sub(zone.free_pages)
}

/// Returns the CMA memory in use. When it becomes free, it serves movable allocations only.
fn cma_in_use(state: &MemoryState) -> u64 {
    let line = |name: &str| state.meminfo.as_ref()?.get(name).copied();
    line("CmaTotal").unwrap_or(0).saturating_sub(line("CmaFree").unwrap_or(0))
}
