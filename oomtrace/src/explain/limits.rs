//! A cgroup's limits, as facts of a [`Memcg`] level.

use oomtrace_common::event::Memcg;

use crate::{attribute::cgroup, incident::Incident};

/// The kernel charges in batches of this many pages, so a cgroup at its limit has less than this left.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/memcontrol.h#L31> (`MEMCG_CHARGE_BATCH`)
pub(crate) const CHARGE_BATCH_PAGES: u64 = 64;

/// `PAGE_COUNTER_MAX`: no limit. <https://github.com/torvalds/linux/blob/v6.12/include/linux/page_counter.h#L45>
pub(crate) fn counter_max(page_size: u64) -> u64 {
    u64::try_from(i64::MAX).unwrap_or(u64::MAX).checked_div(page_size).unwrap_or(u64::MAX)
}

/// A limit in pages; `None` if it is not set.
pub(crate) fn limit(pages: u64, page_size: u64) -> Option<u64> {
    (pages < counter_max(page_size)).then_some(pages)
}

/// The lowest limit that makes a cgroup's tasks wait or fail, in pages, and the file that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold {
    pub(crate) pages: u64,
    pub(crate) name: &'static str,
}

/// `memory.high` if it is below `memory.max`, otherwise `memory.max`; `None` if neither is set.
pub(crate) fn threshold(memcg: &Memcg, page_size: u64) -> Option<Threshold> {
    let read = |bit| memcg.present & bit != 0;
    let max_name = if memcg.hierarchy == 0 { "memory.max" } else { "memory.limit_in_bytes" };
    let max = limit(memcg.max_pages, page_size).filter(|_| read(Memcg::COUNTERS));
    let high = limit(memcg.high_pages, page_size).filter(|_| read(Memcg::HIGH));
    let max = max.map(|pages| Threshold { pages, name: max_name });
    let high = high.map(|pages| Threshold { pages, name: "memory.high" });
    [max, high].into_iter().flatten().min_by_key(|threshold| threshold.pages)
}

/// Usage and limit of memory; `None` if one was not read or there is no limit.
pub(crate) fn memory(memcg: &Memcg, page_size: u64) -> Option<(u64, u64)> {
    let read = memcg.present & Memcg::COUNTERS != 0;
    limit(memcg.max_pages, page_size).filter(|_| read).map(|max| (memcg.usage_pages, max))
}

/// Usage and limit of memory and swap together, on v1.
pub(crate) fn memsw(memcg: &Memcg, page_size: u64) -> Option<(u64, u64)> {
    let read = memcg.present & Memcg::SWAP != 0 && memcg.hierarchy != 0;
    limit(memcg.swap_max_pages, page_size).filter(|_| read).map(|max| (memcg.swap_usage_pages, max))
}

/// Pages left below the nearest limit.
pub(crate) fn headroom(memcg: &Memcg, page_size: u64) -> Option<u64> {
    let left = |(usage, max): (u64, u64)| max.saturating_sub(usage);
    [memory(memcg, page_size), memsw(memcg, page_size)].into_iter().flatten().map(left).min()
}

/// Pages above the memory limit; 0 if the usage is within it.
pub(crate) fn excess(memcg: &Memcg, page_size: u64) -> u64 {
    memory(memcg, page_size).map_or(0, |(usage, max)| usage.saturating_sub(max))
}

/// Whether more is used than allowed: a limit was lowered below the usage.
pub(crate) fn is_over(memcg: &Memcg, page_size: u64) -> bool {
    memory(memcg, page_size).is_some_and(|(usage, max)| usage > max)
}

/// Usage and limit in words for evidence.
pub(crate) fn describe(memcg: &Memcg, page_size: u64) -> String {
    let bytes = |pages: u64| pages.saturating_mul(page_size);
    let of = |name: &str, (usage, max): (u64, u64)| {
        format!("{name} usage {} of {} bytes", bytes(usage), bytes(max))
    };
    let parts = [
        memory(memcg, page_size).map(|pair| of("memory", pair)),
        memsw(memcg, page_size).map(|pair| of("memory and swap", pair)),
    ];
    let counters: Vec<String> = parts.into_iter().flatten().collect();
    if counters.is_empty() { "its counters could not be read".to_owned() } else { counters.join(", ") }
}

/// The name of a cgroup in evidence: its path, or its id.
pub(crate) fn name(incident: &Incident, memcg: &Memcg) -> String {
    let path = cgroup::path(&incident.memcgs, memcg.id);
    path.map_or_else(|| format!("the cgroup with id {}", memcg.id), |path| path.to_words())
}
