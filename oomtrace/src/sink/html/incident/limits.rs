//! Why memory ran out: the evidence, and the limits around the process with their usage.

use maud::{Markup, html};

use crate::{
    explain::Code,
    report::{Allocation, Domain, Level, Report},
    sink::{
        call_trace,
        html::{
            bar::{filled, percent},
            text::{ABSENT, chosen, known, of, size},
        },
        place::label,
        terminal::{sanitize::sentence, units},
    },
};

pub(super) fn limits(report: &Report) -> Markup {
    // If user space killed first, no limit was hit.
    let mark = if report.cause.code == Code::Userspace { "short" } else { "hit" };
    let domain = &report.domain;
    html! {
        section #limits aria-labelledby="limits-h" {
            h2 #limits-h { "Why memory ran out" }
            @if !report.cause.evidence.is_empty() {
                ul.evidence { @for evidence in &report.cause.evidence { li { (sentence(evidence)) } } }
            }
            @if domain.chain.is_empty() {
                p { (counters(domain)) }
            } @else {
                h3 { "The limits, from the leaf to the root" }
                ol.chain { @for level in &domain.chain { (self::level(level, mark, swap_word(domain))) } }
            }
            dl.facts {
                dt { "domain" } dd { (domain.kind.unwrap_or(ABSENT)) ", size with swap " (total(report)) }
                dt { "allocation" } dd { (allocation(&report.allocation, report.page_bytes())) }
                @if let Some(purpose) = call_trace::purpose(&report.allocation) { dt { "for" } dd { (purpose) } }
            }
            (super::call_trace::call_trace(report))
        }
    }
}

/// Returns the kind of memory that the swap figures count.
fn swap_word(domain: &Domain) -> &'static str {
    if domain.memsw == Some(true) { "memory and swap" } else { "swap" }
}

fn level(level: &Level, mark: &str, swap_word: &str) -> Markup {
    let Level { usage_bytes, max_bytes, high_bytes, swap_usage_bytes, swap_max_bytes, .. } = *level;
    let share = usage_bytes.zip(max_bytes).map(|(usage, max)| percent(usage, max));
    let text = of(usage_bytes, max_bytes);
    let kind = if level.hit { "hit" } else { "used" };
    html! {
        li.hit[level.hit] {
            p.title {
                @if let Some(label) = label(&level.place) { bdi.place { (label) } " " }
                (chosen(level.cgroup.as_ref()))
                @if level.hit { " " strong.badge { (mark) } }
                span.value { (text) }
            }
            @if let Some(usage) = usage_bytes {
                (filled(usage, max_bytes, high_bytes, kind, &format!("memory: {text}{}", in_words(share.as_deref()))))
            }
            p.small {
                span { "high " (size(high_bytes)) }
                span { (swap_word) " " (of(swap_usage_bytes, swap_max_bytes)) }
                span { "oom.group " (level.oom_group.map_or(ABSENT, |on| if on { "yes" } else { "no" })) }
            }
        }
    }
}

fn in_words(share: Option<&str>) -> String {
    share.map(|share| format!(", {share}")).unwrap_or_default()
}

fn counters(domain: &Domain) -> String {
    let Domain { usage_bytes, limit_bytes, swap_usage_bytes, swap_limit_bytes, .. } = *domain;
    let (usage, swap) = (of(usage_bytes, limit_bytes), of(swap_usage_bytes, swap_limit_bytes));
    format!("Usage {usage}; {} {swap}.", swap_word(domain))
}

fn total(report: &Report) -> String {
    known(report.domain.total_pages.map(|total| units::pages(total, report.page_bytes())))
}

fn allocation(allocation: &Allocation, page_bytes: Option<u64>) -> String {
    let flags = allocation.gfp_flags.as_ref().map(|flags| match flags.as_slice() {
        [] => "no flags".to_owned(),
        flags => sentence(&flags.join("|")),
    });
    let asked = match allocation.order {
        None => format!("order {ABSENT}"),
        Some(-1) => "order -1 (SysRq: no memory was requested)".to_owned(),
        Some(order) => {
            let pages = u32::try_from(order).ok().and_then(|order| 1_u64.checked_shl(order));
            format!("order {order} = {}", known(pages.map(|pages| units::pages(pages, page_bytes))))
        }
    };
    let mask = known(allocation.gfp_mask.as_deref().map(sentence));
    format!("{asked}, {}, mask {mask}, constraint {}", known(flags), allocation.constraint.unwrap_or(ABSENT))
}
