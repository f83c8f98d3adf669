//! Computes the effect of another limit: whether memory would have run out at this moment at all, and the size that scores are
//! then measured against.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/page_counter.c#L114> (`page_counter_try_charge`: from the leaf up)

use oomtrace_common::event::Memcg;

use super::{holding::Freed, levels, machine, recorded::Recorded};
use crate::{
    explain::{Code, limits},
    whatif::{Change, Refusal, words},
};

/// The domain after the change.
pub(in crate::whatif) struct Ground {
    /// Whether memory would have run out at this moment.
    pub(in crate::whatif) happens: bool,
    /// Pages that scores are measured against.
    pub(in crate::whatif) total_pages: u64,
    /// The domain's limit after the change, in pages; `None` if it is unchanged.
    pub(in crate::whatif) limit_pages: Option<u64>,
    /// The least headroom below a limit, if memory would not have run out.
    pub(in crate::whatif) headroom: Option<Headroom>,
    /// Changes without an effect.
    pub(in crate::whatif) remarks: Vec<String>,
}

/// The memory left below the limit of a cgroup.
#[derive(Clone, Copy, Debug)]
pub(in crate::whatif) struct Headroom {
    /// Kernfs id.
    pub(in crate::whatif) memcg: u64,
    pub(in crate::whatif) pages: u64,
}

/// A cgroup and its limits, in pages.
struct Level<'a> {
    memcg: &'a Memcg,
    /// The limit before the change.
    max: u64,
    /// The limit after the change, if it is changed.
    requested: Option<u64>,
    /// The usage that the changes free.
    freed: u64,
}

impl Level<'_> {
    fn usage(&self) -> u64 {
        self.memcg.usage_pages.saturating_sub(self.freed)
    }

    fn max_after(&self) -> u64 {
        self.requested.unwrap_or(self.max)
    }
}

pub(in crate::whatif) fn ground(
    recorded: &Recorded<'_>,
    changes: &[Change],
    freed: &Freed,
) -> Result<Ground, Refusal> {
    let requested = requested(recorded, changes)?;
    let mut ground = Ground {
        happens: true,
        total_pages: recorded.total_pages,
        limit_pages: None,
        headroom: None,
        remarks: freed.remarks.clone(),
    };
    let freed_pages = freed.bytes.checked_div(recorded.incident.page_size()).unwrap_or(0);
    if requested.is_empty() && freed_pages == 0 {
        return Ok(ground);
    }
    let Some(domain) = recorded.domain else {
        ground.happens = machine::runs_out(recorded, freed)?;
        return Ok(ground);
    };
    let levels = charged(recorded, domain, &requested, freed_pages)?;
    ground.limit_pages =
        levels.iter().find(|level| level.memcg.id == domain).and_then(|level| level.requested);
    ground.happens = if recorded.verdict.code == Code::MemcgLimitLowered {
        is_over(recorded, &levels, domain)?
    } else {
        is_hit(recorded, &levels, domain)?
    };
    if ground.happens {
        ground.total_pages = resized(recorded, &levels, domain)?;
    } else {
        ground.headroom = least_headroom(&levels, limits::counter_max(recorded.incident.page_size()));
    }
    if ground.happens && freed_pages > 0 {
        ground
            .remarks
            .push("the scores of processes that map the freed memory are taken as they were".to_owned());
    }
    ground.remarks.extend(without_effect(recorded, &levels, domain));
    Ok(ground)
}

/// Returns a remark for each changed limit of a cgroup other than the domain.
fn without_effect(recorded: &Recorded<'_>, levels: &[Level<'_>], domain: u64) -> Vec<String> {
    let others = levels.iter().filter(|level| level.requested.is_some() && level.memcg.id != domain);
    let remark = |level: &Level<'_>| {
        let cgroup = words::path(recorded.incident, level.memcg.id);
        format!("{cgroup} has room below that limit, too: it plays no part")
    };
    others.map(remark).collect()
}

/// Returns the changed limits by kernfs id, in pages.
fn requested(recorded: &Recorded<'_>, changes: &[Change]) -> Result<Vec<(u64, u64)>, Refusal> {
    let page_size = recorded.incident.page_size();
    let off = limits::counter_max(page_size);
    let mut requested = Vec::new();
    for change in changes {
        let Change::Limit { cgroup, bytes } = change else { continue };
        if recorded.domain.is_none() {
            return Err(Refusal::NotOfCgroup);
        }
        let id = levels::id(recorded.incident, cgroup)?;
        if recorded.incident.memcgs.get(&id).is_some_and(|memcg| memcg.parent == 0) {
            return Err(Refusal::Root { file: "limit" });
        }
        let pages = bytes.and_then(|bytes| bytes.checked_div(page_size)).map_or(off, |pages| pages.min(off));
        requested.retain(|(other, _)| *other != id);
        requested.push((id, pages));
    }
    Ok(requested)
}

/// Returns the cgroups that the charge went through, with their limits. Freed memory was charged to the domain and to all cgroups
/// above it. How much of it was charged to the cgroups below is not known, but those had room anyway.
fn charged<'a>(
    recorded: &Recorded<'a>,
    domain: u64,
    requested: &[(u64, u64)],
    freed: u64,
) -> Result<Vec<Level<'a>>, Refusal> {
    let incident = recorded.incident;
    let chain = levels::charged(incident, domain);
    if let Some((id, _)) = requested.iter().find(|(id, _)| chain.iter().all(|memcg| memcg.id != *id)) {
        let others = chain.iter().map(|memcg| memcg.id);
        return Err(Refusal::NotInChain {
            cgroup: words::path(incident, *id),
            chain: words::paths(incident, others),
        });
    }
    let first = chain.iter().position(|memcg| memcg.id == domain).unwrap_or(0);
    let level = |(index, memcg): (usize, &'a Memcg)| {
        let requested = requested.iter().find(|(id, _)| *id == memcg.id).map(|(_, pages)| *pages);
        let read = memcg.present & Memcg::COUNTERS != 0;
        let unknown = || Refusal::CounterUnknown { cgroup: words::path(incident, memcg.id) };
        let freed = if index < first { 0 } else { freed };
        read.then_some(Level { memcg, max: memcg.max_pages, requested, freed }).ok_or_else(unknown)
    };
    chain.into_iter().enumerate().map(level).collect()
}

/// Returns whether the same charge hits the domain's limit. An `Ok(false)` means that it hits no limit at all.
fn is_hit(recorded: &Recorded<'_>, levels: &[Level<'_>], domain: u64) -> Result<bool, Refusal> {
    let asked_for =
        u32::try_from(recorded.order).ok().and_then(|order| 1_u64.checked_shl(order)).unwrap_or(1);
    let needs = |level: &Level<'_>| level.usage().saturating_add(asked_for);
    let cgroup = |level: &Level<'_>| words::path(recorded.incident, level.memcg.id);
    for level in levels {
        let full = |requested| level.memcg.id == domain || needs(level) > requested;
        if level.requested.is_some_and(|requested| requested < level.max && full(requested)) {
            return Err(Refusal::Earlier { cgroup: cgroup(level) });
        }
    }
    let Some(own) = levels.iter().find(|level| level.memcg.id == domain) else { return Ok(true) };
    // If the domain's limit is unchanged, the recording itself shows that it was hit.
    let is_unchanged = own.freed == 0 && own.max_after() == own.max;
    if is_unchanged || needs(own) > own.max_after() {
        return Ok(true);
    }
    let page_size = recorded.incident.page_size();
    let together = limits::memsw(own.memcg, page_size);
    if together.is_some_and(|(usage, max)| usage.saturating_sub(own.freed).saturating_add(asked_for) > max) {
        return Err(Refusal::Memsw { cgroup: cgroup(own) });
    }
    let is_full = |level: &&Level<'_>| level.memcg.id != domain && needs(level) > level.max_after();
    match levels.iter().find(is_full) {
        Some(next) => Err(Refusal::OtherDomain { cgroup: cgroup(next) }),
        None if levels.last().is_some_and(|level| level.memcg.parent != 0) => {
            Err(Refusal::OtherDomain { cgroup: "a cgroup that is not recorded".to_owned() })
        }
        None => Ok(false),
    }
}

/// Returns the cgroup that would be full first if all of them grow alike, or `None` if no cgroup has a limit.
fn least_headroom(levels: &[Level<'_>], off: u64) -> Option<Headroom> {
    let limited = levels.iter().filter_map(|level| {
        let max = level.max_after();
        let pages = max.saturating_sub(level.usage());
        (max < off).then_some(Headroom { memcg: level.memcg.id, pages })
    });
    limited.min_by_key(|headroom| headroom.pages)
}

/// Returns whether the usage exceeds the limit that is being written.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L4150> (`memory_max_write`)
fn is_over(recorded: &Recorded<'_>, levels: &[Level<'_>], domain: u64) -> Result<bool, Refusal> {
    let mut over = true;
    for level in levels {
        if level.memcg.id == domain {
            over = level.usage() > level.max_after();
        } else if level.requested.is_some_and(|requested| requested < level.max && level.usage() > requested)
        {
            return Err(Refusal::Earlier { cgroup: words::path(recorded.incident, level.memcg.id) });
        }
    }
    Ok(over)
}

/// Returns the size that scores are measured against: the limit plus the swap that the domain may use, which does not change.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1610> (`mem_cgroup_get_max`)
fn resized(recorded: &Recorded<'_>, levels: &[Level<'_>], domain: u64) -> Result<u64, Refusal> {
    let own = levels.iter().find(|level| level.memcg.id == domain);
    let Some((own, requested)) = own.and_then(|own| Some((own, own.requested?))) else {
        return Ok(recorded.total_pages);
    };
    if requested == own.max {
        return Ok(recorded.total_pages);
    }
    // On v1, the swap depends on the limit of memory and swap together, and the machine's swap may be smaller. The kernel counts
    // a limit of 0 as 1 page.
    let total_pages = if own.max == 0 && recorded.total_pages == 1 { 0 } else { recorded.total_pages };
    let swap = total_pages.checked_sub(own.max).filter(|_| own.memcg.hierarchy == 0);
    let swap = swap.ok_or_else(|| Refusal::SwapUnknown { cgroup: words::path(recorded.incident, domain) })?;
    Ok(requested.saturating_add(swap).max(1))
}
