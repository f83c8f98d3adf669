//! How short memory was when user space sent a SIGKILL. The signs come from the files that user space read at that moment and
//! from the counters that the eBPF side copied.

use oomtrace_common::event::Memcg;

use crate::{
    attribute::cgroup,
    context::{CgroupPressure, Pressure, Stall},
    explain::limits::{self, Threshold},
    incident::Incident,
};

/// The values from which a figure is a sign of a shortage.
pub(in crate::explain) struct Bounds {
    /// At least this percentage of the last ten seconds in which some task waited for memory (PSI `some avg10`).
    pub(in crate::explain) stall_percent: f64,
    /// The machine's stall counts only if at most this percentage of its memory is available; `None`: it always counts. Tasks
    /// of one cgroup that is throttled at its own `memory.high` also raise the machine's figure.
    pub(in crate::explain) stalled_available_percent: Option<u64>,
    /// At most this percentage of the machine's memory is available.
    pub(in crate::explain) available_percent: u64,
    /// At least this percentage of a cgroup's limit is used, not counting page cache that can be dropped.
    pub(in crate::explain) used_percent: u64,
    /// At most this percentage of the swap is free; `None`: swap is not a sign.
    pub(in crate::explain) swap_free_percent: Option<u64>,
}

/// The signs of a shortage.
pub(in crate::explain) struct Shortage {
    /// Kernfs id of the cgroup that was short; `None` if the machine was.
    pub(in crate::explain) cgroup: Option<u64>,
    /// The signs in words, each with its figures.
    pub(in crate::explain) signs: Vec<String>,
}

/// Looks for a cgroup near its limit first, then at the machine, then for a cgroup whose tasks waited. That cgroup comes last,
/// because its tasks may wait for the machine's memory.
pub(in crate::explain) fn find(incident: &Incident, bounds: &Bounds) -> Shortage {
    let full =
        levels(incident).into_iter().find_map(|memcg| Some((memcg.id, full(incident, memcg, bounds)?)));
    let waiting =
        levels(incident).into_iter().find_map(|memcg| Some((memcg.id, waiting(incident, memcg, bounds)?)));
    let of_machine = incident.pressure.as_ref().map(|pressure| machine(pressure, bounds)).unwrap_or_default();
    let cgroup = match (&full, &waiting) {
        (Some((id, _)), _) => Some(*id),
        (None, Some((id, _))) if of_machine.is_empty() => Some(*id),
        _ => None,
    };
    let of_cgroups = [full, waiting].into_iter().flatten().map(|(_, sign)| sign);
    Shortage { cgroup, signs: of_cgroups.chain(of_machine).collect() }
}

/// The cgroups above the first victim, leaf first, without the root.
fn levels(incident: &Incident) -> Vec<&Memcg> {
    let leaf = incident.victims.first().and_then(|victim| victim.task.memcg);
    let chain = leaf.map(|leaf| cgroup::chain(&incident.memcgs, leaf)).unwrap_or_default();
    chain.into_iter().filter(|memcg| memcg.parent != 0).collect()
}

fn looked_up(incident: &Incident, memcg: u64) -> Option<&CgroupPressure> {
    incident.pressure.as_ref()?.cgroups.iter().find(|cgroup| cgroup.memcg == memcg)
}

/// A cgroup near `memory.max` or `memory.high` even if reclaim dropped the page cache and the reclaimable slab. That amount
/// must be known, because a cgroup that reads files is always at its limit.
fn full(incident: &Incident, memcg: &Memcg, bounds: &Bounds) -> Option<String> {
    let page_size = incident.page_size();
    let read = |bit: u32| memcg.present & bit != 0;
    let Threshold { pages, name: limit_name } =
        limits::threshold(memcg, page_size).filter(|_| read(Memcg::COUNTERS))?;
    let limit = pages.saturating_mul(page_size);
    let droppable = droppable(looked_up(incident, memcg.id)?)?;
    let usage = memcg.usage_pages.saturating_mul(page_size);
    let needed = usage.saturating_sub(droppable.bytes);
    is_more(needed, limit, bounds.used_percent).then(|| {
        let name = limits::name(incident, memcg);
        let Droppable { bytes, what } = droppable;
        format!("{name} used {usage} of the {limit} bytes of its {limit_name}, {bytes} of them {what}")
    })
}

/// Memory that reclaim can free.
struct Droppable {
    bytes: u64,
    what: &'static str,
}

/// Page cache and reclaimable slab; `None` if the page cache was not read. Recordings of earlier versions have only its inactive
/// part.
fn droppable(looked_up: &CgroupPressure) -> Option<Droppable> {
    let inactive = looked_up.inactive_file_bytes?;
    let slab = looked_up.slab_reclaimable_bytes.unwrap_or(0);
    Some(match looked_up.active_file_bytes {
        Some(active) => Droppable {
            bytes: inactive.saturating_add(active).saturating_add(slab),
            what: "page cache and slab that reclaim can free",
        },
        None => Droppable {
            bytes: inactive.saturating_add(slab),
            what: "inactive page cache; the active part was not read",
        },
    })
}

/// A cgroup whose tasks waited for memory.
fn waiting(incident: &Incident, memcg: &Memcg, bounds: &Bounds) -> Option<String> {
    let looked_up = looked_up(incident, memcg.id)?;
    let stall = looked_up.stall.filter(|stall| stall.some_avg10 >= bounds.stall_percent)?;
    let events =
        |name, count: Option<u64>| count.map(|count| format!(", {name} events {count}")).unwrap_or_default();
    Some(format!(
        "tasks of {} waited for memory {}{}{}",
        limits::name(incident, memcg),
        share(stall),
        events("high", looked_up.high_events),
        events("max", looked_up.max_events)
    ))
}

fn machine(pressure: &Pressure, bounds: &Bounds) -> Vec<String> {
    let low = |free: u64, total: u64, percent: u64| total > 0 && !is_more(free, total, percent);
    let available = pressure.available_bytes.zip(pressure.total_bytes);
    let short = available.filter(|(free, total)| low(*free, *total, bounds.available_percent));
    let swap = pressure.swap_free_bytes.zip(pressure.swap_total_bytes).zip(bounds.swap_free_percent);
    let swap = swap.filter(|((free, total), percent)| low(*free, *total, *percent));
    let spare = |percent| match available {
        Some((free, total)) => !low(free, total, percent),
        None => true,
    };
    let elsewhere = bounds.stalled_available_percent.is_some_and(spare);
    let stall = pressure.stall.filter(|stall| stall.some_avg10 >= bounds.stall_percent && !elsewhere);
    let signs = [
        short.map(|(free, total)| format!("{free} of {total} bytes of the machine were available")),
        swap.map(|((free, total), _)| format!("{free} of {total} bytes of swap were free")),
        stall.map(|stall| format!("tasks of the machine waited for memory {}", share(stall))),
    ];
    signs.into_iter().flatten().collect()
}

/// Whether a part is more than this percentage of the whole.
fn is_more(part: u64, whole: u64, percent: u64) -> bool {
    u128::from(part) * 100 > u128::from(whole) * u128::from(percent)
}

fn share(stall: Stall) -> String {
    format!("{:.2} % of the last ten seconds", stall.some_avg10)
}
