//! Where the memory was: the parts, the zones, and other holders of the machine's memory.

use super::{
    super::{
        sanitize::{name, sentence},
        units::{ABSENT, count, or_absent, size},
    },
    sheet::Sheet,
};
use crate::{
    account::{Account, Whole},
    report::{Machine, Report, Zone},
    sink::shortage::{self, Shown, must_stay, parts, yes},
};

/// The maximum number of tmpfs mounts and slab caches that are named.
const NAMED: usize = 3;

/// The maximum number of zones shown.
const ZONES: usize = 24;

/// The account of the domain that ran out.
pub(super) fn account(sheet: &mut Sheet, report: &Report) {
    let Some(account) = &report.account else { return };
    sheet.section(
        "account",
        &format!("{} by part; reclaim and kill: whether that frees it", title(report, account)),
    );
    let head = ["bytes", "share", "reclaim", "kill", "part"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(parts(account).iter().map(row)).collect();
    sheet.table(&rows);
    sheet.named("held by", &held(account));
    if let Some(holder) = &account.holder {
        sheet.named("holder", &sentence(&holder.text));
    }
    for (index, reason) in account.reasons.iter().enumerate() {
        let key = if index == 0 { "because" } else { "" };
        sheet.named(key, &format!("{} ({})", sentence(&reason.text), reason.code.name()));
    }
}

fn title(report: &Report, account: &Account) -> String {
    let total = size(account.total_bytes);
    match (account.of, &report.domain.cgroup) {
        (Whole::Machine, _) => format!("{total} of the machine"),
        (Whole::Cgroup, Some(path)) => format!("{total} of {}", name(path.as_bytes())),
        (Whole::Cgroup, None) => format!("{total} of the cgroup"),
    }
}

fn row(part: &Shown) -> [String; 5] {
    [
        size(part.bytes),
        part.share.clone(),
        yes(part.reclaimable, ABSENT).to_owned(),
        yes(part.freed_by_kill, ABSENT).to_owned(),
        part.words.to_owned(),
    ]
}

/// The memory that processes held, and figures that overlap with the parts.
fn held(account: &Account) -> String {
    let known = |bytes: Option<u64>| or_absent(bytes.map(size));
    let mut text = format!(
        "all candidates {}, the victims {}; locked {}, dirty {}",
        known(account.candidates_bytes),
        known(account.victim_bytes),
        known(account.locked_bytes),
        known(account.dirty_bytes)
    );
    if let Some(bytes) = account.returned_bytes {
        text.push_str(&format!("; {} of it freed before the figures were read", size(bytes)));
    }
    text
}

/// Zones, swap, files and pools. If a cgroup ran out, only the ones that matter for it.
pub(super) fn machine(sheet: &mut Sheet, report: &Report) {
    let Some(machine) = &report.machine else { return };
    let is_machine = report.account.as_ref().is_some_and(|account| account.of == Whole::Machine);
    // Zones from procfs exist for a cgroup's shortage as well, because at the mark it is not yet known what ran out.
    if report.domain.kind != Some("memcg") {
        zones(sheet, report, machine);
    }
    let Some(rows) = beside(machine, is_machine) else { return };
    for (index, (key, text)) in rows.into_iter().enumerate() {
        if index == 0 && machine.zones.is_empty() && report.account.is_none() {
            sheet.section("machine", "known figures of its memory");
        }
        sheet.named(key, &text);
    }
}

fn zones(sheet: &mut Sheet, report: &Report, machine: &Machine) {
    if machine.zones.is_empty() {
        return;
    }
    sheet.section(
        "zones",
        &format!("{}; free memory above min and reserve can be used", shortage::source(machine)),
    );
    let head = ["free", "per CPU", "cma", "min", "reserve", "managed", "usable", "zone"].map(str::to_owned);
    let rows = machine.zones.iter().take(ZONES).map(zone);
    let rows: Vec<[String; 8]> = std::iter::once(head).chain(rows).collect();
    sheet.table(&rows);
    let hidden = machine.zones.len().saturating_sub(ZONES);
    let hidden = u64::try_from(hidden).unwrap_or(u64::MAX).saturating_add(machine.zones_left_out.into());
    if hidden > 0 {
        sheet.more(&format!("and {} more", count(hidden)));
    }
    if report.allocation.order.is_some_and(|order| order > 0) {
        machine.zones.iter().filter(|zone| zone.usable != Some(false)).take(NAMED).for_each(|zone| {
            sheet.named("blocks", &blocks(zone));
        });
    }
}

fn zone(zone: &Zone) -> [String; 8] {
    let known = |bytes: Option<u64>| or_absent(bytes.map(size));
    let short = zone.free_bytes <= must_stay(zone) && zone.usable == Some(true);
    let mark = if short { "  <- exhausted" } else { "" };
    [
        size(zone.free_bytes),
        known(zone.percpu_lists_bytes),
        known(zone.cma_free_bytes),
        known(zone.min_bytes.map(|min| min.saturating_add(zone.boost_bytes.unwrap_or(0)))),
        known(zone.reserve_bytes),
        known(zone.managed_bytes),
        yes(zone.usable, ABSENT).to_owned(),
        format!("{} of node {}{mark}", sentence(&zone.name), zone.node),
    ]
}

/// Free blocks by order, which show whether a large enough one is free.
fn blocks(zone: &Zone) -> String {
    let counts = (0..).zip(&zone.free_blocks).filter(|(_, count)| **count > 0);
    let counts: Vec<String> =
        counts.map(|(order, of): (u32, &u64)| format!("{order}: {}", count(*of))).collect();
    let text = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    format!("free by order in {}: {text}", sentence(&zone.name))
}

/// Other holders of memory, each with its name; `None` if there is nothing to show.
fn beside(machine: &Machine, is_machine: bool) -> Option<Vec<(&'static str, String)>> {
    let mut rows = Vec::new();
    if let Some(total) = machine.swap.total_bytes.filter(|_| is_machine) {
        let free = or_absent(machine.swap.free_bytes.map(size));
        rows.push((
            "swap",
            if total == 0 { "none".to_owned() } else { format!("{free} of {} free", size(total)) },
        ));
    }
    let mounts = machine.tmpfs.iter().flatten().filter(|mount| mount.used_bytes >= 1 << 20).take(NAMED);
    let mounts: Vec<String> =
        mounts.map(|mount| format!("{} {}", name(mount.mount.as_bytes()), size(mount.used_bytes))).collect();
    if !mounts.is_empty() {
        rows.push(("tmpfs", mounts.join(", ")));
    }
    let pools = machine.huge_pages.iter().flatten().filter(|pool| pool.node.is_none() && pool.total > 0);
    rows.extend(pools.filter(|_| is_machine).map(|pool| {
        let of = format!("{} of {}, {} free", count(pool.total), size(pool.size_bytes), count(pool.free));
        ("huge", of)
    }));
    let slabs = machine.slabs.iter().flatten().filter(|_| is_machine).take(NAMED);
    let slabs: Vec<String> =
        slabs.map(|slab| format!("{} {}", name(slab.name.as_bytes()), size(slab.bytes))).collect();
    if !slabs.is_empty() {
        rows.push(("slabs", slabs.join(", ")));
    }
    (!rows.is_empty()).then_some(rows)
}
