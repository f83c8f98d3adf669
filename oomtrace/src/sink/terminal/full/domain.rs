//! The memory that ran out, with the limits around it.

use super::{
    super::{
        sanitize::name,
        units::{ABSENT, or_absent, pages, size},
    },
    sheet::Sheet,
};
use crate::{
    explain::Code,
    report::{Domain, Level, Report},
    sink::{memory_stat, place::label},
};

pub(super) fn domain(sheet: &mut Sheet, report: &Report) {
    let domain = &report.domain;
    let label = domain.place().and_then(label).map(|label| format!(" {label},")).unwrap_or_default();
    let cgroup = domain.cgroup.as_ref().map(|path| format!(" {}", name(path.as_bytes()))).unwrap_or_default();
    let total = or_absent(domain.total_pages.map(|total| pages(total, report.page_bytes())));
    sheet.section(
        "domain",
        &format!("{}{label}{cgroup}, size with swap {total}", domain.kind.unwrap_or(ABSENT)),
    );
    if domain.chain.is_empty() {
        sheet.more(&counters(domain));
    } else {
        // If user space killed first, no limit was hit.
        let mark = if report.cause.code == Code::Userspace { "  <- short" } else { "  <- hit" };
        chain(sheet, domain, mark);
    }
    if report.account.is_some() {
        // The account has more information, and its parts do not overlap.
        return;
    }
    let parts = memory_stat::composition(domain).into_iter();
    let parts: Vec<String> = parts.map(|(name, bytes)| format!("{name} {}", size(bytes))).collect();
    if !parts.is_empty() {
        sheet.named("holds", &format!("{} (memory.stat, read right after)", parts.join(", ")));
    }
}

fn counters(domain: &Domain) -> String {
    let usage = or_absent(domain.usage_bytes.map(size));
    let limit = or_absent(domain.limit_bytes.map(size));
    let swap = or_absent(domain.swap_usage_bytes.map(size));
    let swap_limit = or_absent(domain.swap_limit_bytes.map(size));
    let [word, most] = swap_words(domain);
    format!("usage {usage}, max {limit}, {word} {swap}, {most} {swap_limit}")
}

/// The names of the swap figures.
fn swap_words(domain: &Domain) -> [&'static str; 2] {
    if domain.memsw == Some(true) { ["memsw", "memsw max"] } else { ["swap", "swap max"] }
}

/// The path is the last cell because its length is not limited.
fn chain(sheet: &mut Sheet, domain: &Domain, mark: &str) {
    let [swap, swap_max] = swap_words(domain);
    let title = ["usage", "max", "high", swap, swap_max, "oom.group", "cgroup"].map(str::to_owned);
    let levels = domain.chain.iter().map(|level| row(level, mark));
    let rows: Vec<_> = std::iter::once(title).chain(levels).collect();
    sheet.table(&rows);
}

fn row(level: &Level, mark: &str) -> [String; 7] {
    let path = level.cgroup.as_ref().map_or_else(|| ABSENT.to_owned(), |path| name(path.as_bytes()));
    let mark = if level.hit { mark } else { "" };
    let label = label(&level.place).map(|label| format!("  {label}")).unwrap_or_default();
    [
        or_absent(level.usage_bytes.map(size)),
        limit(level.max_bytes, level.usage_bytes),
        or_absent(level.high_bytes.map(size)),
        or_absent(level.swap_usage_bytes.map(size)),
        limit(level.swap_max_bytes, level.swap_usage_bytes),
        or_absent(level.oom_group.map(|on| if on { "yes" } else { "no" })),
        format!("{path}{mark}{label}"),
    ]
}

/// A limit. It is read together with the usage, so a known usage without a limit means that none was set.
fn limit(limit: Option<u64>, usage: Option<u64>) -> String {
    match (limit, usage) {
        (Some(limit), _) => size(limit),
        (None, Some(_)) => "no limit".to_owned(),
        (None, None) => ABSENT.to_owned(),
    }
}
