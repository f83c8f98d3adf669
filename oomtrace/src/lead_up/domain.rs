//! Builds the curve of the domain from its samples and its amount at the decision. Page cache does not count if it is known,
//! because reclaim takes it first. Swap counts.

use oomtrace_common::event::Memcg;

use super::curve::Point;
use crate::{
    context::{LeadUp, MemoryHistory},
    incident::Incident,
};

/// Returns the curve of a cgroup.
pub(super) fn of_cgroup(incident: &Incident, lead_up: &LeadUp, id: u64) -> Vec<Point> {
    let end = at_decision(incident, id);
    let Some(cgroup) = lead_up.cgroups.iter().find(|cgroup| cgroup.memcg == id) else {
        return made_since(incident, lead_up, end.map(|end| end.usage_bytes));
    };
    let (mut points, without_file) = measured(&cgroup.memory);
    points.retain(|point| point.at_ns < incident.boot_ns);
    if let Some(end) = end {
        let last_file = || cgroup.memory.file_bytes.iter().rev().find_map(|bytes| *bytes);
        let file = if without_file { end.file_bytes.or_else(last_file).unwrap_or(0) } else { 0 };
        let swap = if without_file { end.swap_bytes } else { 0 };
        let bytes = end.usage_bytes.saturating_sub(file).saturating_add(swap);
        points.push(Point { at_ns: incident.boot_ns, bytes });
    }
    points
}

/// Returns the curve of a cgroup that was created after the last listing of all cgroups. It had no memory at that time.
fn made_since(incident: &Incident, lead_up: &LeadUp, end: Option<u64>) -> Vec<Point> {
    let listed =
        lead_up.listed_ns.filter(|listed| lead_up.cgroups_left_out == 0 && *listed < incident.boot_ns);
    let Some((listed_ns, bytes)) = listed.zip(end) else { return Vec::new() };
    vec![Point { at_ns: listed_ns, bytes: 0 }, Point { at_ns: incident.boot_ns, bytes }]
}

/// Returns the curve of the machine.
pub(super) fn of_machine(incident: &Incident, lead_up: &LeadUp) -> Vec<Point> {
    let Some(machine) = &lead_up.machine else { return Vec::new() };
    let (mut points, without_file) = measured(machine);
    points.retain(|point| point.at_ns < incident.boot_ns);
    let total = lead_up.machine_bytes.filter(|_| without_file);
    let end = total.and_then(|total| Some(total.saturating_sub(left_bytes(incident, total)?)));
    // Procfs is read after a mark, so it may show the state after the victim's exit.
    if let Some(bytes) = end.filter(|end| points.last().is_none_or(|last| last.bytes <= *end)) {
        points.push(Point { at_ns: incident.boot_ns, bytes });
    }
    points
}

/// Returns free memory and page cache at the decision, or `None` unless nearly all zones are known.
fn left_bytes(incident: &Incident, total_bytes: u64) -> Option<u64> {
    let state = incident.memory_state.as_deref()?;
    let sum = |pages: &mut dyn Iterator<Item = u64>| {
        pages.fold(0, u64::saturating_add).saturating_mul(incident.page_size())
    };
    let managed = sum(&mut state.zones.iter().filter_map(|zone| zone.managed_pages));
    let free = sum(&mut state.zones.iter().map(|zone| zone.free_pages));
    let counters = || state.nodes.iter().map(|node| &node.counters);
    let file = counters().map(|counters| {
        Some(counters.get("nr_active_file")?.saturating_add(*counters.get("nr_inactive_file")?))
    });
    let file: u64 = file.sum::<Option<u64>>()?;
    (managed >= total_bytes / 10 * 9).then(|| free.saturating_add(file))
}

/// Returns the points of a history, and whether they leave out page cache. If they do, they include swap.
fn measured(memory: &MemoryHistory) -> (Vec<Point>, bool) {
    let without_file = memory.file_bytes.iter().flatten().count() >= 2;
    // If a sample lacks a part, that part has not changed.
    let (mut file, mut swap) = (None, 0);
    let points = memory.at_ns.iter().enumerate().filter_map(|(index, at_ns)| {
        let at = |column: &[Option<u64>]| column.get(index).copied().flatten();
        file = at(&memory.file_bytes).or(file);
        swap = at(&memory.swap_bytes).unwrap_or(swap);
        let usage = at(&memory.usage_bytes)?;
        let bytes = if without_file { usage.saturating_sub(file?).saturating_add(swap) } else { usage };
        Some(Point { at_ns: *at_ns, bytes })
    });
    (points.collect(), without_file)
}

/// Returns the usage of a cgroup at the decision.
pub(super) fn usage_bytes(incident: &Incident, id: u64) -> Option<u64> {
    at_decision(incident, id).map(|end| end.usage_bytes)
}

/// The memory of a cgroup at the decision.
struct End {
    usage_bytes: u64,
    file_bytes: Option<u64>,
    swap_bytes: u64,
}

fn at_decision(incident: &Incident, id: u64) -> Option<End> {
    let memcg = incident.memcgs.get(&id).filter(|memcg| memcg.present & Memcg::COUNTERS != 0)?;
    let bytes = |pages: u64| pages.saturating_mul(incident.page_size());
    let stat = incident.stat_of(id);
    let figure = |name: &str| {
        stat.and_then(|stat| stat.get(&format!("total_{name}")).or_else(|| stat.get(name)).copied())
    };
    let file = figure("inactive_file").zip(figure("active_file"));
    let has_swap = memcg.present & Memcg::SWAP != 0;
    // On v1, the figure includes memory and swap together.
    let swap = match memcg.hierarchy {
        0 => memcg.swap_usage_pages,
        _ => memcg.swap_usage_pages.saturating_sub(memcg.usage_pages),
    };
    Some(End {
        usage_bytes: bytes(memcg.usage_pages),
        file_bytes: file.map(|(inactive, active)| inactive.saturating_add(active)),
        swap_bytes: if has_swap { bytes(swap) } else { 0 },
    })
}
