//! How much memory had to become free so that the allocation had found some, wherever it became free.

use super::free::{is_movable, may_use, must_stay};
use crate::incident::{Incident, MemoryState, StateSource, Zone};

/// So many bytes are enough, in whatever zones they are freed: they fill all that cannot serve this allocation, and one page more.
/// `None` where that is not known, and for an allocation of several pages, which needs them side by side.
#[must_use]
pub fn enough_bytes(incident: &Incident) -> Option<u64> {
    let state = incident.memory_state.as_deref()?;
    let (class, request) = (state.class?, incident.request?);
    // What procfs shows is later, and SysRq, which has order -1, needs no memory.
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

/// How much a zone lacks until it serves the allocation. `None` where its watermark was not read.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/page_alloc.c#L3092> (`__zone_watermark_ok`)
fn missing(zone: &Zone, class: u32, movable: bool) -> Option<u64> {
    zone.min_pages?;
    let cma = if movable { 0 } else { zone.cma_free_pages.unwrap_or(0) };
    let kept = cma.saturating_add(zone.highatomic_pages.unwrap_or(0));
    Some(must_stay(zone, class).saturating_sub(zone.free_pages.saturating_sub(kept)))
}

/// All that can become free in a zone.
fn used(zone: &Zone) -> u64 {
    zone.managed_pages.unwrap_or(u64::MAX).saturating_sub(zone.free_pages)
}

/// Memory that becomes free there serves movable allocations only.
fn cma_in_use(state: &MemoryState) -> u64 {
    let line = |name: &str| state.meminfo.as_ref()?.get(name).copied();
    line("CmaTotal").unwrap_or(0).saturating_sub(line("CmaFree").unwrap_or(0))
}
