//! What the report says of the domain beyond its limit: swap, `memory.stat`, and what the scenario knows the size of.

use super::incident::{Case, LOG, SCENARIO, TOLERANCE_BYTES};
use super::ledger::Ledger;
use crate::job::Tier;
use crate::scenario::Hierarchy;

pub(super) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    swap(case, ledger);
    memory_stat(case, ledger);
    for range in &case.scenario.expect.ranges {
        ledger.between(SCENARIO, &range.field, range.least, range.most);
    }
}

/// How far the file may lag behind the log: the kernel sums up its per-processor figures now and then.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c> (`memcg_vmstats_needs_flush`)
const STAT_LAG_BYTES: u64 = 8 << 20;

/// Swap, or on v1 memory and swap together. After the first kill memory goes back while the log is written, and the mark,
/// which is all that tracepoints see, comes after the log: all of what the victim before had may be back by then.
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

/// What holds still through the kill is about the same in the file read after it as in the log written at it.
fn memory_stat(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    if case.scenario.expect.limit_cgroup.is_none() {
        return ledger.absent(SCENARIO, "domain.memory_stat", "it was global");
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
