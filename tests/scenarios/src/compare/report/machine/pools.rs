//! Compares swap, pools of huge pages, and slab caches.

use serde_json::Value;

use super::super::incident::LOG;
use super::{Machine, is_of_node, list};
use crate::compare::ledger::Ledger;
use crate::job::Tier;

pub(super) fn judge(machine: &Machine<'_>, ledger: &mut Ledger<'_>) {
    swap(machine, ledger);
    huge_pages(machine, ledger);
    slabs(machine, ledger);
}

/// Compares swap. On the tracepoint tier, procfs is read after the kill, so the victim may have freed its part already.
fn swap(machine: &Machine<'_>, ledger: &mut Ledger<'_>) {
    let Some(total) = machine.info.swap_total_bytes else { return };
    if ledger.value("machine.swap.total_bytes").is_none() {
        return;
    }
    ledger.same(LOG, "machine.swap.total_bytes", total);
    if let Some(free) = machine.info.swap_free_bytes {
        let tolerance = machine.case.tolerance_bytes();
        let case = machine.case;
        let is_seen = ledger.tier != Tier::Tracepoint && !case.seen.hides_cpu_offsets && !case.follows;
        let most = if is_seen { free.saturating_add(tolerance).min(total) } else { total };
        ledger.between(LOG, "machine.swap.free_bytes", free.saturating_sub(tolerance), most);
    }
}

/// Compares the pools of each node exactly: they change only when a process maps huge pages. The report omits sizes of which
/// the machine has no page.
fn huge_pages(machine: &Machine<'_>, ledger: &mut Ledger<'_>) {
    let told = list(ledger, "machine.huge_pages");
    let of_nodes = told.iter().any(|pool| pool.get("node").is_some_and(|node| !node.is_null()));
    for pool in machine.info.huge_pools.iter().filter(|_| of_nodes) {
        let size = |report: &Value| report.get("size_bytes").and_then(Value::as_u64);
        let is_it = |report: &Value| is_of_node(report, pool.node) && size(report) == Some(pool.size_bytes);
        let Some(at) = told.iter().position(is_it) else {
            let is_empty = |report: &Value| {
                let of_machine = report.get("node").is_some_and(Value::is_null);
                of_machine && size(report) == Some(pool.size_bytes) && report["total"] == 0
            };
            if !told.iter().any(is_empty) {
                let says = format!("{} bytes per page on node {}", pool.size_bytes, pool.node);
                ledger.write(LOG, "machine.huge_pages", &says, "nothing");
            }
            continue;
        };
        for (name, pages) in [("total", pool.total), ("free", pool.free), ("surplus", pool.surplus)] {
            ledger.same(LOG, &format!("machine.huge_pages.{at}.{name}"), pages);
        }
    }
}

/// Compares slab caches. The log prints them if they use more than user space. The report has the largest ones.
fn slabs(machine: &Machine<'_>, ledger: &mut Ledger<'_>) {
    let told = list(ledger, "machine.slabs");
    let Some((largest, bytes)) = machine.info.slabs.iter().max_by_key(|(_, bytes)| **bytes) else { return };
    if told.is_empty() {
        return;
    }
    let is_it = |slab: &Value| slab.get("name").and_then(Value::as_str) == Some(largest);
    match told.iter().position(is_it) {
        Some(at) => machine.used(ledger, &format!("machine.slabs.{at}.bytes"), *bytes, 0),
        None => ledger.write(LOG, "machine.slabs", &format!("{bytes} bytes in {largest}"), "nothing"),
    }
}
