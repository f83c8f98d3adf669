//! Compares the counters of the nodes, and those that the log has only for the whole machine.

use serde_json::Value;

use super::super::incident::LOG;
use super::{Machine, is_of_node, list};
use crate::compare::ledger::Ledger;

/// The log's names of a node's counters (`show_free_areas`,
/// <https://github.com/torvalds/linux/blob/v6.12/mm/show_mem.c#L246>), and the kernel's own.
const OF_NODE: [(&str, &str); 15] = [
    ("active_anon", "nr_active_anon"),
    ("inactive_anon", "nr_inactive_anon"),
    ("active_file", "nr_active_file"),
    ("inactive_file", "nr_inactive_file"),
    ("unevictable", "nr_unevictable"),
    ("isolated(anon)", "nr_isolated_anon"),
    ("isolated(file)", "nr_isolated_file"),
    ("mapped", "nr_file_mapped"),
    ("dirty", "nr_file_dirty"),
    ("writeback", "nr_writeback"),
    ("shmem", "nr_shmem"),
    ("kernel_stack", "nr_kernel_stack"),
    ("pagetables", "nr_pagetable"),
    ("sec_pagetables", "nr_secondary_pagetable"),
    ("Balloon", "nr_balloon_pages"),
];

/// The tolerance for page lists while reclaim runs.
const RECLAIM_BYTES: u64 = 4 << 20;

/// Counters that the log prints for all nodes together, in pages.
const OF_ALL: [(&str, &str); 3] = [
    ("slab_reclaimable", "nr_slab_reclaimable"),
    ("slab_unreclaimable", "nr_slab_unreclaimable"),
    ("kernel_misc_reclaimable", "nr_kernel_misc_reclaimable"),
];

pub(super) fn judge(machine: &Machine<'_>, ledger: &mut Ledger<'_>) {
    let told = list(ledger, "machine.nodes");
    for (&node, figures) in &machine.info.nodes {
        let Some(at) = told.iter().position(|report| is_of_node(report, node)) else {
            ledger.write(LOG, "machine.nodes", &format!("node {node}"), "nothing");
            continue;
        };
        for (name, counter) in OF_NODE {
            if let Some(bytes) = figures.get(name) {
                // Reclaim takes pages off a list and returns them in batches on every processor.
                let moves = name.contains("active") || name.starts_with("isolated");
                let margin = if moves { RECLAIM_BYTES } else { 0 };
                machine.used(ledger, &format!("machine.nodes.{at}.{counter}_bytes"), *bytes, margin);
            }
        }
    }
    ledger.same(LOG, "machine.nodes_left_out", 0);
    totals(machine, ledger, told);
}

fn totals(machine: &Machine<'_>, ledger: &mut Ledger<'_>, told: &[Value]) {
    let (tolerance, follows) = (machine.case.tolerance_bytes(), machine.case.follows);
    for (name, counter) in OF_ALL {
        let Some(pages) = machine.info.totals.get(name).filter(|_| !machine.is_later) else { continue };
        let bytes = |report: &Value| report.get(format!("{counter}_bytes"))?.as_u64();
        let sum: Option<u64> = told.iter().map(bytes).sum();
        let says = pages * machine.case.page_bytes();
        let least = says.saturating_sub(tolerance);
        let is_near = sum.is_some_and(|sum| sum >= least && (follows || sum <= says + tolerance));
        if !is_near {
            let field = format!("machine.nodes.{counter}_bytes");
            ledger.write(LOG, &field, &format!("{says} ± {tolerance}"), &format!("{sum:?}"));
        }
    }
}
