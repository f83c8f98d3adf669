//! Finds domains that will run out of memory soon. The sampling thread runs this after each sample.

use super::{
    Wanted,
    approach::{Approach, State, begins},
    excerpt::{members, process, processes},
    room::{self, Swap, curve},
    series::Series,
    table::{Sample, Table},
};
use crate::{
    bytes::ByteString,
    context,
    forecast::{LEAST_BYTES, forecast},
    lead_up::curve::Point,
};

/// Parameters of a search for approaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    pub(super) now_ns: u64,
    pub(super) horizon_ns: u64,
}

/// Returns the forecasts of the approaches that begin with the current samples. `points` is a buffer for one curve.
pub(super) fn due(table: &mut Table, search: Search, points: &mut Vec<Point>) -> Vec<context::Forecast> {
    let swap = swap(table);
    let mut found = Vec::new();
    for cgroup in &mut table.cgroups {
        let Some(limit) = cgroup.limit.bytes() else { continue };
        let own_swap = cgroup.series.samples().iter().rev().find_map(|sample| sample.swap.bytes());
        let capacity = room::of_cgroup(limit, cgroup.swap_limit.bytes(), own_swap.unwrap_or(0), swap);
        if is_due(&cgroup.series, capacity, &mut cgroup.approach, search, points) {
            found.push((Some(cgroup.id), Some(limit), capacity));
        }
    }
    let capacity = table.totals.memory.map(|memory| memory.saturating_add(swap.total));
    if let Some((series, capacity)) = table.machine.as_ref().zip(capacity)
        && is_due(series, capacity, &mut table.approach, search, points)
    {
        found.push((None, table.totals.memory, capacity));
    }
    found.into_iter().map(|of| content(table, search, of, points)).collect()
}

/// Returns the machine's swap.
fn swap(table: &Table) -> Swap {
    let last = table.machine.as_ref().and_then(|series| series.last()?.swap.bytes());
    Swap { total: table.totals.swap.unwrap_or(0), used: last.unwrap_or(0) }
}

fn is_due(
    series: &Series<Sample>,
    capacity_bytes: u64,
    approach: &mut Option<Approach>,
    search: Search,
    points: &mut Vec<Point>,
) -> bool {
    let now_ns = search.now_ns;
    if series.last().is_none_or(|last| last.at_ns != now_ns) {
        return false;
    }
    points.clear();
    curve(series.samples(), points);
    let Some(held_bytes) = points.last().map(|last| last.bytes) else { return false };
    let least = points.iter().map(|point| point.bytes).min().unwrap_or(held_bytes);
    // Most cgroups are idle.
    let rises = held_bytes.saturating_sub(least) >= LEAST_BYTES;
    let forecast = rises.then(|| forecast(points, capacity_bytes)).flatten();
    begins(approach, &State { now_ns, held_bytes, capacity_bytes, forecast }, search.horizon_ns)
}

fn content(
    table: &Table,
    search: Search,
    (memcg, limit_bytes, capacity_bytes): (Option<u64>, Option<u64>, u64),
    points: &mut Vec<Point>,
) -> context::Forecast {
    let series = match memcg {
        Some(id) => table.cgroup(id).map(|cgroup| &cgroup.series),
        None => table.machine.as_ref(),
    };
    points.clear();
    curve(series.map(Series::samples).unwrap_or_default(), points);
    let wanted = Wanted { decided_ns: search.now_ns, domain: memcg, ..Wanted::default() };
    let members = memcg.map(|id| members(table, id));
    let is_member = |id: u64| members.as_ref().is_none_or(|members| members.contains(&id));
    let grown = processes(table, &wanted, is_member);
    context::Forecast {
        horizon_ns: search.horizon_ns,
        memcg,
        path: memcg.and_then(|id| table.path(id)).map(ByteString::from),
        limit_bytes,
        capacity_bytes,
        at_ns: points.iter().map(|point| point.at_ns).collect(),
        held_bytes: points.iter().map(|point| point.bytes).collect(),
        processes: grown.into_iter().map(|known| process(known, search.now_ns)).collect(),
    }
}
