//! The account of one report: that its parts are a whole, how much of it nothing explains, and what the log and the
//! scenario say of the same.

use serde_json::Value;

use super::ground;
use super::incident::{Case, LOG, SCENARIO, TOLERANCE_BYTES};
use super::ledger::Ledger;
use crate::job::Tier;
use crate::witness::Zone;

/// The report's own figures, where it says the same twice.
const PARTS: &str = "parts";
/// The most of the machine's memory that no counter explains where the scenario takes none of that kind: one part in so
/// many. Every kernel has some: what drivers and the boot took.
const UNEXPLAINED: u64 = 50;
/// How far figures of `memory.stat` may be apart: the report's are read after the kill has begun, and on some kernels
/// they lag behind (`memcg_vmstats_needs_flush`).
const STAT_LAG_BYTES: u64 = 4 << 20;

/// Names of a cgroup's parts in the report, and of the figures in the log that they are.
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

pub(super) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    let needs = if case.incident.mem_info.is_some() { "machine.zones.0" } else { "domain.memory_stat" };
    if ledger.value("account").is_none() && ledger.value(needs).is_none() {
        // What it would be made of was not read.
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

/// Parts do not overlap, and nothing is missing.
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

/// Compaction takes the free pages of up to a page block off the lists, where no counter has them, and gives them back when
/// it ends (`isolate_freepages`, `release_free_list`, <https://github.com/torvalds/linux/blob/v6.12/mm/compaction.c>).
/// With pages of 4 KiB such a block has 2 MiB, which is less than what is left unexplained anyway.
fn held_by_compaction(case: &Case<'_>) -> u64 {
    case.page_block_bytes().saturating_sub(2 << 20)
}

/// Whether compaction gave so much back before the log was printed that a zone has more than its watermarks ask for. What
/// the allocation ran into cannot be seen any more then.
fn memory_came_back(case: &Case<'_>) -> bool {
    let zones = case.incident.mem_info.iter().flat_map(|info| &info.zones);
    let above = |zone: &Zone| zone.bytes("free") > zone.bytes("high");
    held_by_compaction(case) > 0 && zones.into_iter().any(above)
}

/// The log prints the cgroup's figures at the decision.
fn of_cgroup(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    ledger.same(SCENARIO, "account.of", "cgroup");
    if let Some(usage) = ledger.value("domain.usage_bytes") {
        ledger.same("domain.usage_bytes", "account.total_bytes", usage.clone());
    }
    // What the victim gave back before `memory.stat` was read is in no part but this. What is on its way to swap has left
    // `anon` for the swap cache (`shrink_folio_list`, <https://github.com/torvalds/linux/blob/v6.12/mm/vmscan.c#L1043>).
    let gone = bytes_of(ledger, &["unexplained", "swap_cache"]);
    for (names, figures) in OF_CGROUP {
        let says: Option<u64> = figures.iter().map(|figure| case.incident.stat.get(*figure)).sum();
        let told = bytes_of(ledger, names);
        // While an earlier victim goes, its memory is given back in between. Tracepoints do not tell the usage, by which memory
        // that is gone could be missed.
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

/// The victims' anonymous memory and page tables are those of the lines that the log has of their kills.
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

/// What kills could free at most: what the tasks of the log's table have that may be chosen, and no more than the parts.
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
    // What processors hold back of a task's counters is a number of pages, whatever their size.
    let tolerance = case.tolerance_bytes() * (case.page_bytes() / 4096);
    let least = says.saturating_sub(tolerance + held_back_pages(ledger) * case.page_bytes());
    ledger.between("task table", "account.candidates_bytes", least, says.saturating_add(tolerance));
}

/// Pages by which the kernel's scores exceed the counters in the report. From 7.0 on, scores and the log's table contain what
/// processors hold back.
fn held_back_pages(ledger: &Ledger<'_>) -> u64 {
    let rows = ledger.value("candidates").and_then(Value::as_array);
    let differences = rows.into_iter().flatten().filter_map(|row| row["difference_pages"].as_u64());
    differences.sum()
}

/// Why it was short, and who holds the memory, by what the scenario does. On tracepoints the figures are those after the kill.
fn reasons(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    if ledger.tier == Tier::Tracepoint {
        return;
    }
    let expect = &case.scenario.expect;
    if !expect.reasons.is_empty() && !memory_came_back(case) {
        let is_one =
            |code: &Value| code.as_str().is_some_and(|code| expect.reasons.iter().any(|one| one == code));
        ledger.check(SCENARIO, "account.reasons.0.code", &format!("one of {:?}", expect.reasons), is_one);
    }
    if let Some(kind) = &expect.holder {
        ledger.same(SCENARIO, "account.holder.kind", kind.as_str());
    }
}
