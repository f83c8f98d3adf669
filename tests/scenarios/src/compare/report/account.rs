//! Compares the account of one report: its parts add up, little of it is unexplained, and it agrees with the log and the
//! scenario.

use serde_json::Value;

use super::incident::{Case, LOG, SCENARIO, TOLERANCE_BYTES};
use crate::compare::ground;
use crate::compare::ledger::Ledger;
use crate::job::Tier;
use crate::witness::Zone;

/// The report's own figures, used when the report states a value twice.
const PARTS: &str = "parts";
/// The greatest unexplained part of the machine's memory, as one part in so many, for scenarios that allocate no memory outside
/// all counters. Every kernel has some: memory of drivers and of the boot.
const UNEXPLAINED: u64 = 50;
/// The tolerance for figures of `memory.stat`. The report reads them after the kill has begun, and on some kernels they lag
/// behind (`memcg_vmstats_needs_flush`).
const STAT_LAG_BYTES: u64 = 4 << 20;

/// Names of a cgroup's parts in the report, each with the matching figures in the log.
const OF_CGROUP: [(&[&str], &[&str]); 9] = [
    (&["anon", "anon_left_behind"], &["anon"]),
    (&["tmpfs", "sysv_shm", "shmem"], &["shmem"]),
    (&["sockets"], &["sock"]),
    (&["slab_unreclaimable"], &["slab_unreclaimable"]),
    (&["slab_reclaimable"], &["slab_reclaimable"]),
    (&["kernel_stack"], &["kernel_stack"]),
    (&["page_tables"], &["pagetables"]),
    (&["percpu"], &["percpu"]),
    (&["vmalloc"], &["vmalloc"]),
];

pub(in crate::compare) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    let needs = if case.incident.mem_info.is_some() { "machine.zones.0" } else { "domain.memory_stat" };
    if ledger.value("account").is_none() && ledger.value(needs).is_none() {
        // The figures for an account were not read.
        return;
    }
    whole(ledger);
    if case.incident.mem_info.is_some() {
        of_machine(case, ledger);
    } else {
        of_cgroup(case, ledger);
    }
    victims(case, ledger);
    candidates(case, ledger);
    reasons(case, ledger);
}

fn parts<'a>(ledger: &Ledger<'a>) -> &'a [Value] {
    ledger.value("account.parts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Bytes of the parts with one of these names.
fn bytes_of(ledger: &Ledger<'_>, names: &[&str]) -> u64 {
    let is_it = |part: &&Value| part["what"].as_str().is_some_and(|what| names.contains(&what));
    parts(ledger).iter().filter(is_it).filter_map(|part| part["bytes"].as_u64()).sum()
}

/// Checks that parts do not overlap and that none is missing.
fn whole(ledger: &mut Ledger<'_>) {
    let sum: u64 = parts(ledger).iter().filter_map(|part| part["bytes"].as_u64()).sum();
    ledger.same(PARTS, "account.total_bytes", sum);
    let unexplained = bytes_of(ledger, &["unexplained"]);
    ledger.same(PARTS, "account.unexplained_bytes", unexplained);
}

fn of_machine(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    ledger.same(SCENARIO, "account.of", "machine");
    let info = case.incident.mem_info.as_ref();
    let page_bytes = case.page_bytes();
    let managed = info.and_then(|info| Some(info.ram_pages?.checked_sub(info.reserved_pages?)? * page_bytes));
    if let Some(bytes) = managed {
        ledger.same(LOG, "account.total_bytes", bytes);
    }
    let is_told = case.scenario.expect.ranges.iter().any(|range| range.field == "account.unexplained_bytes");
    if let Some(bytes) = managed.filter(|_| !is_told) {
        let most = bytes / UNEXPLAINED + held_by_compaction(case);
        ledger.between(SCENARIO, "account.unexplained_bytes", 0, most);
    }
}

/// Bytes that compaction may hold. It takes the free pages of up to a page block off the lists, where no counter includes them,
/// and returns them when it ends (`isolate_freepages`, `release_free_list`,
/// <https://github.com/torvalds/linux/blob/v6.12/mm/compaction.c>). With pages of 4 KiB such a block has 2 MiB, which is less
/// than the usual unexplained part.
fn held_by_compaction(case: &Case<'_>) -> u64 {
    case.page_block_bytes().saturating_sub(2 << 20)
}

/// Reasons that are about free memory: it is there whether or not compaction returned some.
const UNUSABLE: [&str; 4] = ["fragmented", "other_zone", "cma", "other_node"];

/// Whether compaction returned so many pages before the log was printed that a zone exceeds its watermarks. The reason of the
/// failed allocation is then no longer visible.
fn memory_came_back(case: &Case<'_>) -> bool {
    let zones = case.incident.mem_info.iter().flat_map(|info| &info.zones);
    let above = |zone: &Zone| zone.bytes("free") > zone.bytes("high");
    held_by_compaction(case) > 0 && zones.into_iter().any(above)
}

/// Compares a cgroup's parts with the log, which prints the cgroup's figures at the decision.
fn of_cgroup(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    ledger.same(SCENARIO, "account.of", "cgroup");
    if let Some(usage) = ledger.value("domain.usage_bytes") {
        ledger.same("domain.usage_bytes", "account.total_bytes", usage.clone());
    }
    // Memory that the victim freed before `memory.stat` was read is only in these parts. Pages on their way to swap have left
    // `anon` for the swap cache (`shrink_folio_list`, <https://github.com/torvalds/linux/blob/v6.12/mm/vmscan.c#L1043>).
    let gone = bytes_of(ledger, &["unexplained", "swap_cache"]);
    for (names, figures) in OF_CGROUP {
        let says: Option<u64> = figures.iter().map(|figure| case.incident.stat.get(*figure)).sum();
        let is_uncounted = figures.contains(&"pagetables") && says == Some(0);
        let says = if is_uncounted { uncounted_page_tables(case, ledger.tier) } else { says };
        let told = bytes_of(ledger, names);
        // While an earlier victim exits, its memory is freed in between. Tracepoints do not report the usage, so that freed
        // memory cannot be detected there.
        let goes = case.follows || ledger.tier == Tier::Tracepoint;
        let fits = |says: u64| {
            let is_less = goes || says.saturating_sub(told) <= STAT_LAG_BYTES + gone;
            told.abs_diff(says) <= STAT_LAG_BYTES || (told < says && is_less)
        };
        if !says.is_none_or(fits) {
            let field = format!("account.parts.{}", names.first().copied().unwrap_or_default());
            ledger.write(LOG, &field, &format!("{says:?} ± {STAT_LAG_BYTES}"), &told.to_string());
        }
    }
}

/// The page tables of a kernel that prints 0 for every cgroup (6.18): those of the log's table of tasks, and no more than the kernel
/// memory that no other figure covers. On tracepoints no table is read, and nothing is expected.
fn uncounted_page_tables(case: &Case<'_>, tier: Tier) -> Option<u64> {
    const OTHERS: [&str; 6] =
        ["slab_unreclaimable", "slab_reclaimable", "kernel_stack", "sec_pagetables", "percpu", "vmalloc"];
    let of = |figure: &str| case.incident.stat.get(figure).copied();
    let rest = of("kernel")?.saturating_sub(OTHERS.iter().filter_map(|figure| of(figure)).sum());
    let tables = case.incident.rows.iter().map(|row| row.pgtables_bytes).sum::<u64>();
    (tier != Tier::Tracepoint).then_some(tables.min(rest))
}

/// Compares the victims' anonymous memory and page tables with the log's lines of their kills.
fn victims(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    let kills = &case.incident.kills;
    let held: u64 = kills.iter().map(|kill| kill.anon_rss_bytes + kill.pgtables_bytes).sum();
    let tolerance = case.tolerance_bytes() * u64::try_from(kills.len()).unwrap_or(1).max(1);
    let total = ledger.value("account.total_bytes").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let is_read = ledger.tier != Tier::Tracepoint || ledger.value("account.victim_bytes").is_some();
    if is_read && ledger.value("account").is_some() {
        ledger.near(LOG, "account.victim_bytes", held.min(total), tolerance.max(TOLERANCE_BYTES));
    }
}

/// Compares the memory that kills could free with the memory of the killable tasks in the log's table. It must not exceed the
/// parts.
fn candidates(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    let unmeasured = ground::policy(case.incident) == Some("allocating_task");
    if ledger.tier == Tier::Tracepoint || case.follows || unmeasured {
        return;
    }
    let rows = || case.incident.rows.iter().filter(|row| row.oom_score_adj > -1000);
    let Some(pages) = rows().map(|row| row.rss_anon_pages).sum::<Option<u64>>() else { return };
    let tables: u64 = rows().map(|row| row.pgtables_bytes).sum();
    let anon = (pages * case.page_bytes()).min(bytes_of(ledger, &["anon"]));
    let says = anon + tables.min(bytes_of(ledger, &["page_tables"]));
    // Processors hold back a number of pages of a task's counters, whatever their size.
    let tolerance = case.tolerance_bytes() * (case.page_bytes() / 4096);
    let least = says.saturating_sub(tolerance + held_back_pages(ledger) * case.page_bytes());
    ledger.between("task table", "account.candidates_bytes", least, says.saturating_add(tolerance));
}

/// The pages by which the kernel's scores exceed the counters in the report. From 7.0 on, scores and the log's table include the
/// pages that processors hold back.
fn held_back_pages(ledger: &Ledger<'_>) -> u64 {
    let rows = ledger.value("candidates").and_then(Value::as_array);
    let differences = rows.into_iter().flatten().filter_map(|row| row["difference_pages"].as_u64());
    differences.sum()
}

/// Compares the reasons of the shortage and the holder of the memory with the scenario. On tracepoints the figures are from
/// after the kill.
fn reasons(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    if ledger.tier == Tier::Tracepoint {
        return;
    }
    let expect = &case.scenario.expect;
    let is_unusable = expect.reasons.iter().any(|reason| UNUSABLE.contains(&reason.as_str()));
    if !expect.reasons.is_empty() && (is_unusable || !memory_came_back(case)) {
        let is_one =
            |code: &Value| code.as_str().is_some_and(|code| expect.reasons.iter().any(|one| one == code));
        ledger.check(SCENARIO, "account.reasons.0.code", &format!("one of {:?}", expect.reasons), is_one);
    }
    if let Some(kind) = &expect.holder {
        ledger.same(SCENARIO, "account.holder.kind", kind.as_str());
    }
}
