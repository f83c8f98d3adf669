//! Compares the domain beyond its limit: swap, `memory.stat`, and figures whose size the scenario knows.

use super::incident::{Case, LOG, SCENARIO, TOLERANCE_BYTES};
use crate::compare::ledger::Ledger;
use crate::job::Tier;
use crate::scenario::Hierarchy;

pub(in crate::compare) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    swap(case, ledger);
    memory_stat(case, ledger);
    for range in &case.scenario.expect.ranges {
        ledger.between(SCENARIO, &range.field, range.least, range.most);
    }
}

/// The tolerance between the file and the log: the kernel adds up its per-processor figures only now and then.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c> (`memcg_vmstats_needs_flush`)
const STAT_LAG_BYTES: u64 = 8 << 20;

/// Compares swap, or memory and swap together on v1. After the first kill, memory is freed while the log is written. The mark,
/// which is all that tracepoints see, comes after the log, when the previous victim may have freed everything.
fn swap(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    if case.scenario.expect.limit_cgroup.is_some() {
        let is_v1 = case.scenario.machine.hierarchy == Hierarchy::V1;
        ledger.same(SCENARIO, "domain.memsw", is_v1);
    }
    let Some(swap) = case.incident.swap else { return };
    let most = if case.follows { swap.usage_bytes.max(swap.limit_bytes) } else { swap.usage_bytes };
    let may_be_back = case.follows && ledger.tier == Tier::Tracepoint;
    let least = if may_be_back { 0 } else { swap.usage_bytes.saturating_sub(TOLERANCE_BYTES) };
    ledger.between(LOG, "domain.swap_usage_bytes", least, most.saturating_add(TOLERANCE_BYTES));
    match swap.limit() {
        Some(limit) => ledger.same(LOG, "domain.swap_limit_bytes", limit),
        None => ledger.absent(LOG, "domain.swap_limit_bytes", "there is no limit"),
    }
}

/// Compares figures that do not change during the kill: the file, read after the kill, and the log, written at the kill, are
/// about equal.
fn memory_stat(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    if case.scenario.expect.limit_cgroup.is_none() {
        return ledger.absent(SCENARIO, "domain.memory_stat", "the OOM was global");
    }
    ledger.check(SCENARIO, "domain.memory_stat", "figures", |stat| {
        stat.as_object().is_some_and(|stat| stat.contains_key("shmem"))
    });
    for name in &case.scenario.expect.steady_stat {
        let field = format!("domain.memory_stat.{name}");
        match case.incident.stat.get(name) {
            Some(bytes) => ledger.near(LOG, &field, *bytes, STAT_LAG_BYTES),
            None => ledger.write(LOG, &field, "no such figure", "one that the scenario calls steady"),
        }
    }
}
