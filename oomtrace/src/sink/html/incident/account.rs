//! The account of memory: its parts as one bar, the reasons, and the zones with their watermarks.

use maud::{Markup, html};

use super::ballot::swatch;
use crate::{
    account::{Account, Whole},
    report::{Machine, Report, Zone},
    sink::{
        html::{
            bar::{Part, filled, percent, stacked},
            text::{ABSENT, chosen, number, size},
        },
        shortage::{self, Shown, must_stay, parts, yes},
        terminal::{sanitize::sentence, units},
    },
};

/// Number of zones to draw. The JSON at the end of the page contains all of them.
const ZONES: usize = 24;

/// Number of tmpfs mounts, huge page pools and slab caches to name.
const NAMED: usize = 6;

pub(super) fn account(report: &Report) -> Markup {
    html! {
        @if report.account.is_some() || report.machine.is_some() {
            section #account aria-labelledby="account-h" {
                h2 #account-h { "Where the memory was" }
                @if let Some(account) = &report.account { (parted(report, account)) }
                @if let Some(machine) = &report.machine {
                    @if report.domain.kind != Some("memcg") { (zones(machine)) }
                    (beside(machine))
                }
            }
        }
    }
}

fn parted(report: &Report, account: &Account) -> Markup {
    let shown = parts(account);
    let bar: Vec<Part> = shown.iter().map(drawn).collect();
    let label = bar.iter().map(|part| part.words.as_str()).collect::<Vec<_>>().join(", ");
    html! {
        p.lead {
            b { (units::size(account.total_bytes)) } " of "
            @match account.of {
                Whole::Machine => "the machine",
                Whole::Cgroup => (chosen(report.domain.cgroup.as_ref())),
            }
        }
        @if let Some(holder) = &account.holder { p #holder { (sentence(&holder.text)) } }
        @if !account.reasons.is_empty() {
            ol.reasons { @for reason in &account.reasons {
                li { (sentence(&reason.text)) " " span.small { (reason.code.name()) } }
            } }
        }
        (stacked(&bar, account.total_bytes, None, &label))
        (table(&shown))
        p.small { (held(account)) }
    }
}

fn drawn(part: &Shown) -> Part {
    Part { kind: part.kind, value: part.bytes, words: format!("{} {}", part.words, units::size(part.bytes)) }
}

fn table(parts: &[Shown]) -> Markup {
    html! {
        table.list #parts {
            thead { tr {
                th scope="col" { "part" }
                th.number scope="col" { "size" }
                th.number scope="col" { "share" }
                th scope="col" { "reclaim frees it" }
                th scope="col" { "a kill frees it" }
            } }
            tbody { @for part in parts { tr {
                th scope="row" { (swatch(part.kind)) (part.words) }
                td.number { (units::size(part.bytes)) }
                td.number { (part.share) }
                td { (yes(part.reclaimable, ABSENT)) }
                td { (yes(part.freed_by_kill, ABSENT)) }
            } } }
        }
    }
}

/// Describes the memory of the processes, and the figures that overlap with the parts.
fn held(account: &Account) -> String {
    let mut text = format!(
        "Anonymous memory and page tables of all candidates {}, of the victims {}. Across the parts: locked {}, dirty {}.",
        size(account.candidates_bytes),
        size(account.victim_bytes),
        size(account.locked_bytes),
        size(account.dirty_bytes)
    );
    if let Some(bytes) = account.returned_bytes {
        let given = units::size(bytes);
        text.push_str(&format!(" The victims had given back {given} of it before memory.stat was read."));
    }
    text
}

fn zones(machine: &Machine) -> Markup {
    let hidden = machine.zones.len().saturating_sub(ZONES);
    html! {
        @if !machine.zones.is_empty() {
            h3 { "Zones" }
            p.small {
                (shortage::source(machine)) ". A bar is filled with what is in use. Beyond the mark, the free rest must stay free \
                 (minimum watermark and reserve)."
            }
            ol.chain #zones { @for zone in machine.zones.iter().take(ZONES) { (zone_row(zone)) } }
            @if hidden > 0 { p.more { "and " (number(hidden)) " more" } }
        }
    }
}

fn zone_row(zone: &Zone) -> Markup {
    let managed = zone.managed_bytes;
    let used = managed.map_or(0, |managed| managed.saturating_sub(zone.free_bytes));
    let mark = managed.map(|managed| managed.saturating_sub(must_stay(zone)));
    let is_out = zone.usable == Some(true) && zone.free_bytes <= must_stay(zone);
    let text = format!("{} free of {}", units::size(zone.free_bytes), size(managed));
    let share = managed.map(|managed| percent(used, managed)).unwrap_or_default();
    html! {
        li {
            p.title {
                span.name { (sentence(&zone.name)) } span.pid { "node " (zone.node) }
                @match zone.usable {
                    Some(false) => span.small { "not usable by this allocation" },
                    Some(true) if is_out => strong.badge { "exhausted" },
                    Some(true) | None => {},
                }
                span.value { (text) }
            }
            @if managed.is_some() {
                (filled(used, managed, mark, if is_out { "hit" } else { "used" }, &format!("{text}, {share} in use")))
            }
            p.small {
                span { "min " (size(zone.min_bytes)) }
                span { "low " (size(zone.low_bytes)) }
                span { "high " (size(zone.high_bytes)) }
                span { "boost " (size(zone.boost_bytes)) }
                span { "reserve " (size(zone.reserve_bytes)) }
                span { "CMA " (size(zone.cma_free_bytes)) }
                span { "highatomic " (size(zone.highatomic_bytes)) }
                span { "per CPU " (size(zone.percpu_lists_bytes)) }
            }
            @if !zone.free_blocks.is_empty() { p.small { span { "free blocks by order: " (blocks(zone)) } } }
        }
    }
}

fn blocks(zone: &Zone) -> String {
    let counts: Vec<String> = zone.free_blocks.iter().map(|count| units::count(*count)).collect();
    counts.join(", ")
}

/// Lists swap, tmpfs mounts, huge page pools and slab caches.
fn beside(machine: &Machine) -> Markup {
    let mounts = machine.tmpfs.iter().flatten().take(NAMED);
    let pools = machine.huge_pages.iter().flatten().filter(|pool| pool.node.is_none()).take(NAMED);
    let slabs = machine.slabs.iter().flatten().take(NAMED);
    html! {
        dl.facts #beside {
            dt { "swap" } dd { (size(machine.swap.free_bytes)) " of " (size(machine.swap.total_bytes)) " free" }
            @for mount in mounts {
                dt { "tmpfs" } dd {
                    (chosen(Some(&mount.mount))) " " (units::size(mount.used_bytes))
                    @if let Some(bytes) = mount.size_bytes { " of " (units::size(bytes)) }
                }
            }
            @for pool in pools {
                dt { "huge pages" } dd {
                    (units::count(pool.total)) " of " (units::size(pool.size_bytes)) ", " (units::count(pool.free)) " free"
                }
            }
            @for slab in slabs { dt { "slab" } dd { bdi.name { (sentence(&slab.name)) } " " (units::size(slab.bytes)) } }
        }
    }
}
