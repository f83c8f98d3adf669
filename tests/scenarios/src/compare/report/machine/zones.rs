//! Compares zones: sizes, watermarks and reserves exactly, free memory approximately.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::incident::{LOG, SCENARIO};
use super::{Machine, is_of_node, list};
use crate::compare::ledger::Ledger;
use crate::job::Tier;
use crate::witness::Zone;

/// Names of the zones of x86-64 and arm64 in the order of `enum zone_type`
/// (<https://github.com/torvalds/linux/blob/v6.12/include/linux/mmzone.h#L735>).
const CLASSES: [&str; 5] = ["DMA", "DMA32", "Normal", "Movable", "Device"];

/// The bits of a GFP mask that decide the zones (<https://github.com/torvalds/linux/blob/v6.12/include/linux/gfp_types.h#L69>).
const DMA: u64 = 0x1;
const HIGHMEM: u64 = 0x2;
const DMA32: u64 = 0x4;
const MOVABLE: u64 = 0x8;

pub(super) fn judge(machine: &Machine<'_>, ledger: &mut Ledger<'_>) {
    let told = list(ledger, "machine.zones");
    for zone in &machine.info.zones {
        let is_it = |report: &Value| is_of_node(report, zone.node) && name(report) == Some(&zone.name);
        let found = told.iter().enumerate().find(|(_, report)| is_it(report));
        if let Some((at, report)) = found {
            of_zone(machine, ledger, zone, &format!("machine.zones.{at}"), report);
        } else if zone.bytes("managed") != Some(0) {
            // A zone without managed pages is in no zonelist.
            let says = format!("{} of node {}", zone.name, zone.node);
            ledger.write(LOG, "machine.zones", &says, "nothing");
        }
    }
    unprinted(machine, ledger, told);
    ledger.same(LOG, "machine.zones_left_out", 0);
}

fn name(report: &Value) -> Option<&str> {
    report.get("name").and_then(Value::as_str)
}

/// Checks that the log omits exactly the zones that the allocation must not use.
fn unprinted(machine: &Machine<'_>, ledger: &mut Ledger<'_>, told: &[Value]) {
    for (at, report) in told.iter().enumerate() {
        let is_it = |zone: &Zone| is_of_node(report, zone.node) && name(report) == Some(&zone.name);
        if !machine.info.zones.iter().any(is_it) && !machine.is_later {
            ledger.same(LOG, &format!("machine.zones.{at}.usable"), false);
        }
    }
}

fn of_zone(machine: &Machine<'_>, ledger: &mut Ledger<'_>, zone: &Zone, at: &str, report: &Value) {
    for name in ["managed", "present"] {
        if let Some(bytes) = zone.bytes(name) {
            ledger.same(LOG, &format!("{at}.{name}_bytes"), bytes);
        }
    }
    if machine.is_later {
        return;
    }
    if let Some(printed) = watermarks(machine, ledger, zone, at, report) {
        boost(machine, ledger, zone, at, printed);
    }
    class(machine, ledger, zone, at);
    free(machine, ledger, zone, at, report);
    if let Some(bytes) = zone.bytes("reserved_highatomic") {
        // Another allocation may reserve or return whole page blocks before the log is printed.
        let told = report.get("highatomic_bytes").and_then(Value::as_u64).unwrap_or(0);
        if !told.abs_diff(bytes).is_multiple_of(machine.case.page_block_bytes()) {
            ledger.same(LOG, &format!("{at}.highatomic_bytes"), bytes);
        }
    }
    blocks(machine, ledger, zone, at, report);
}

/// Compares free memory, and the part that processors hold on their lists.
fn free(machine: &Machine<'_>, ledger: &mut Ledger<'_>, zone: &Zone, at: &str, report: &Value) {
    let moved = moved(machine, zone, report);
    for (name, field) in [("free", "free"), ("free_cma", "cma_free"), ("free_pcp", "percpu_lists")] {
        let (is_cma, is_percpu) = (name == "free_cma", name == "free_pcp");
        let field = format!("{at}.{field}_bytes");
        if is_percpu && machine.case.seen.hides_cpu_offsets && ledger.tier != Tier::Tracepoint {
            ledger.absent(LOG, &field, "the kernel does not list __per_cpu_offset");
            continue;
        }
        // Pages that an earlier victim frees go to per-CPU lists first.
        let moves_on = is_percpu && machine.case.follows;
        if let Some(bytes) = zone.bytes(name).filter(|_| !moves_on && (is_cma || moved == 0)) {
            // Some of the pages that moved may be in CMA.
            machine.free(ledger, &field, bytes, moved);
        }
    }
}

/// The most bytes that may move. In guests of two processors, less than 6 MiB did.
const MOVED_BYTES: u64 = 16 << 20;

/// Returns the bytes that processors took from the free lists, or returned to them, until the log was printed. They take and return pages
/// in bulk: hundreds at a time from 6.7 on (`nr_pcp_alloc`, <https://github.com/torvalds/linux/blob/v6.12/mm/page_alloc.c>). Such pages
/// are free in both places, so that the sum of both figures is the same.
fn moved(machine: &Machine<'_>, zone: &Zone, report: &Value) -> u64 {
    let told = |name: &str| report.get(name).and_then(Value::as_u64);
    let (Some(free), Some(lists)) = (told("free_bytes"), told("percpu_lists_bytes")) else { return 0 };
    let (Some(log_free), Some(log_lists)) = (zone.bytes("free"), zone.bytes("free_pcp")) else { return 0 };
    let is_same_sum = (free + lists).abs_diff(log_free + log_lists) <= machine.free_tolerance();
    let moved = lists.abs_diff(log_lists);
    if is_same_sum && moved <= MOVED_BYTES { moved } else { 0 }
}

/// Compares the boost. It grows by page blocks up to one and a half times the high watermark (`boost_watermark`,
/// <https://github.com/torvalds/linux/blob/v6.12/mm/page_alloc.c#L1951>, `watermark_boost_factor`). kswapd resets it
/// (`balance_pgdat`), possibly before the log was printed.
fn boost(machine: &Machine<'_>, ledger: &mut Ledger<'_>, zone: &Zone, at: &str, printed: u64) {
    let told = ledger.value(&format!("{at}.boost_bytes")).and_then(Value::as_u64);
    let (block, page) = (machine.case.page_block_bytes(), machine.case.page_bytes());
    let high_pages = zone.bytes("high").unwrap_or(0).saturating_sub(printed) / page;
    let most = (high_pages * 3 / 2 * page).max(block);
    let is_a_boost =
        |bytes: u64| bytes <= most && (bytes.is_multiple_of(block) || (most - bytes).is_multiple_of(block));
    let was_reset = printed == 0 && told.is_some_and(is_a_boost);
    if !was_reset {
        ledger.same(LOG, &format!("{at}.boost_bytes"), printed);
    }
}

/// Compares the watermarks. The log prints each with its temporary boost. Kernels before 5.12 do not print the boost
/// separately, so the report's value is used.
fn watermarks(
    machine: &Machine<'_>,
    ledger: &mut Ledger<'_>,
    zone: &Zone,
    at: &str,
    report: &Value,
) -> Option<u64> {
    let printed = zone.bytes("boost");
    let mut boost = printed.or_else(|| report.get("boost_bytes")?.as_u64()).unwrap_or(0);
    // The boost may have grown by page blocks since.
    let min = report.get("min_bytes").and_then(Value::as_u64);
    let grown = zone.bytes("min").and_then(|bytes| bytes.checked_sub(boost)?.checked_sub(min?)).unwrap_or(0);
    if printed.is_none() && grown.is_multiple_of(machine.case.page_block_bytes()) {
        boost += grown;
    }
    for name in ["min", "low", "high"] {
        if let Some(bytes) = zone.bytes(name) {
            ledger.same(LOG, &format!("{at}.{name}_bytes"), bytes.saturating_sub(boost));
        }
    }
    printed
}

/// Compares the class with the allocation's mask, and the allowed nodes with the scenario.
fn class(machine: &Machine<'_>, ledger: &mut Ledger<'_>, zone: &Zone, at: &str) {
    let Some(invoked) = &machine.case.incident.invoked else { return };
    let class = class_of(invoked.gfp_mask);
    if let Some(pages) = zone.reserve_pages.get(class) {
        ledger.same(LOG, &format!("{at}.reserve_bytes"), pages * machine.case.page_bytes());
    }
    let nodes = &machine.case.scenario.expect.nodes;
    let on_node = nodes.is_empty() || nodes.iter().any(|&node| i32::try_from(node) == Ok(zone.node));
    let reaches = CLASSES.iter().take(class + 1).any(|name| *name == zone.name);
    ledger.same(SCENARIO, &format!("{at}.usable"), reaches && on_node);
}

/// `gfp_zone` of 64-bit kernels, which have no HighMem.
fn class_of(mask: u64) -> usize {
    match mask & (DMA | HIGHMEM | DMA32 | MOVABLE) {
        DMA => 0,
        bits if bits & DMA32 != 0 => 1,
        bits if bits == HIGHMEM | MOVABLE => 3,
        _ => 2,
    }
}

/// Compares free blocks: their sum is the free memory at that moment, and each order has about as many blocks as in the log.
fn blocks(machine: &Machine<'_>, ledger: &mut Ledger<'_>, zone: &Zone, at: &str, report: &Value) {
    let tolerance = machine.case.tolerance_bytes();
    let counts = list(ledger, &format!("{at}.free_blocks"));
    if counts.len() != zone.free_blocks.len() {
        let says = format!("{} orders", zone.free_blocks.len());
        return ledger.write(LOG, &format!("{at}.free_blocks"), &says, &counts.len().to_string());
    }
    let page_bytes = machine.case.page_bytes();
    let sizes = (0_u32..).map(|order| page_bytes << order);
    let sum: u64 =
        counts.iter().zip(sizes.clone()).map(|(count, size)| count.as_u64().unwrap_or(0) * size).sum();
    let free = report.get("free_bytes").and_then(Value::as_u64).unwrap_or(0);
    if sum.abs_diff(free) > tolerance {
        ledger.write("free_bytes", &format!("{at}.free_blocks"), &format!("{free} bytes"), &sum.to_string());
    }
    if machine.case.follows {
        return;
    }
    for (order, (blocks, size)) in zone.free_blocks.iter().zip(sizes).enumerate() {
        // Taking a page splits a block of every order above it.
        let most = (tolerance + moved(machine, zone, report)) / size;
        ledger.near(LOG, &format!("{at}.free_blocks.{order}"), blocks.count, most.max(2));
    }
    types(ledger, zone, at, counts);
}

/// Compares the migrate types of the orders with equally many blocks. Since the decision, a block of another type may have
/// replaced one, and so on in every order above: up to half of them may differ.
fn types(ledger: &mut Ledger<'_>, zone: &Zone, at: &str, counts: &[Value]) {
    let told = list(ledger, &format!("{at}.free_block_types"));
    let orders = zone.free_blocks.iter().zip(counts).enumerate();
    let same_count = orders.filter(|(_, (blocks, count))| count.as_u64() == Some(blocks.count));
    let compared: Vec<(usize, BTreeSet<&str>)> =
        same_count.map(|(order, (blocks, _))| (order, blocks.names().into_iter().collect())).collect();
    let types_of = |order: usize| -> BTreeSet<&str> {
        let types = told.get(order).and_then(Value::as_array);
        types.into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let differing: Vec<_> = compared.iter().filter(|(order, names)| types_of(*order) != *names).collect();
    if differing.len() * 2 <= compared.len() {
        return;
    }
    for (order, names) in differing {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        ledger.same_set(LOG, &format!("{at}.free_block_types.{order}"), &names);
    }
}

#[cfg(test)]
mod tests {
    use super::class_of;

    #[test]
    fn derives_the_class_from_the_mask() {
        // GFP_HIGHUSER_MOVABLE, GFP_HIGHUSER, GFP_KERNEL, GFP_DMA32 and GFP_DMA.
        let classes = [0x100cca, 0x100cc2, 0xcc0, 0x4, 0x1].map(class_of);
        assert_eq!(classes, [3, 2, 2, 1, 0]);
    }
}
