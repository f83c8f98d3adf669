//! A ranking as text for the terminal: the domain, the candidates, and the forecast.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    account::share,
    bytes::ByteString,
    forecast::{Forecast, LEAST_NS},
    rank::{Domain, Kind, Overruling, Ranking, Row},
    sink::terminal::{sanitize, units},
};

/// The largest width of a cgroup's path, in columns.
const CGROUP_COLUMNS: usize = 48;

/// Number of protected processes to name. The others are only counted.
const NAMED: usize = 5;

/// Returns the table with at most `top` rows. `over_ns` is the time over which memory was measured.
pub(super) fn table(ranking: &Ranking, over_ns: u64, top: usize) -> String {
    let mut text = String::new();
    // Writing to a `String` does not fail.
    let _ = write(&mut text, ranking, over_ns, top);
    text
}

fn write(text: &mut String, ranking: &Ranking, over_ns: u64, top: usize) -> std::fmt::Result {
    writeln!(text, "{}", headline(ranking))?;
    if over_ns >= LEAST_NS {
        writeln!(text, "{}", forecast(ranking.forecast.as_ref(), over_ns))?;
    }
    write_memory(text, ranking)?;
    for overruling in &ranking.overruled_by {
        writeln!(text, "but {}", overruled(*overruling))?;
    }
    if !ranking.candidates.is_empty() {
        writeln!(
            text,
            "\n{:>4} {:>12} = {:>12} + {:>10} + {:>8} + {:>12} {:>7} {:>8}  {:<16} cgroup",
            "", "points", "rss", "swap", "tables", "adj", "adj", "pid", "comm"
        )?;
    }
    for (place, row) in (1..).zip(ranking.candidates.iter().take(top)) {
        write_row(text, place, row)?;
    }
    let more = ranking.candidates.len().saturating_sub(top);
    if more > 0 {
        writeln!(text, "     and {more} more")?;
    }
    write_group(text, ranking)?;
    write_protected(text, ranking)
}

fn headline(ranking: &Ranking) -> String {
    let Domain { kind, cgroup, asked, limit_bytes, usage_bytes, total_pages, .. } = &ranking.domain;
    let domain = match (kind, cgroup) {
        (Kind::Memcg, Some(path)) => name(path),
        (Kind::Memcg | Kind::System, _) => "the machine".to_owned(),
    };
    let used = usage_bytes.zip(*limit_bytes);
    let used = used.map_or_else(String::new, |(usage, limit)| {
        format!(", {} of {} in use", units::size(usage), units::size(limit))
    });
    let asked = asked.as_ref().map_or_else(String::new, |path| {
        format!(" ({} has no limit of its own; it runs out with this one)", name(path))
    });
    format!(
        "if {domain} ran out now{used}{asked}; points are pages of {}",
        units::pages(*total_pages, Some(ranking.page_size))
    )
}

/// Writes the memory that no kill frees, and a line for each reason.
fn write_memory(text: &mut String, ranking: &Ranking) -> std::fmt::Result {
    let Some(memory) = &ranking.memory else { return Ok(()) };
    let candidates = memory.candidates_bytes.map_or_else(String::new, |bytes| {
        format!("; kills of all candidates free at most {}", units::size(bytes))
    });
    writeln!(text, "no kill frees {}{candidates}", share(memory.stays_bytes, memory.total_bytes))?;
    for reason in &memory.reasons {
        writeln!(text, "  {}", sanitize::sentence(&reason.text))?;
    }
    Ok(())
}

fn forecast(forecast: Option<&Forecast>, over_ns: u64) -> String {
    let Some(Forecast { left_ns, bytes_per_second, over_ns, held_bytes, capacity_bytes }) = forecast else {
        return format!("no forecast: memory did not grow evenly in {}", units::span(over_ns));
    };
    format!(
        "at its present rate it runs out in {}: {}/s over the last {}, {} left",
        units::span(*left_ns),
        units::size(*bytes_per_second),
        units::span(*over_ns),
        units::size(capacity_bytes.saturating_sub(*held_bytes))
    )
}

fn overruled(overruling: Overruling) -> &'static str {
    match overruling {
        Overruling::OomKillAllocatingTask => {
            "vm.oom_kill_allocating_task is set: the kernel would kill the process that allocates at that moment instead"
        }
        Overruling::PanicOnOom => "vm.panic_on_oom is set: the kernel would panic and kill no process",
    }
}

fn write_row(text: &mut String, place: usize, row: &Row) -> std::fmt::Result {
    let comm =
        row.comm.as_ref().map_or_else(|| units::ABSENT.to_owned(), |comm| sanitize::text(comm.as_bytes()));
    let cgroup = row.cgroup.as_ref().map(|path| sanitize::cut_front(path.as_bytes(), CGROUP_COLUMNS));
    writeln!(
        text,
        "{place:>4} {:>12} = {:>12} + {:>10} + {:>8} + {:>12} {:>7} {:>8}  {comm:<16} {}",
        units::count(row.points),
        units::count(row.rss_pages),
        units::count(row.swap_pages),
        units::count(row.pgtables_pages),
        units::count(row.adj_pages),
        row.oom_score_adj,
        row.pid,
        units::or_absent(cgroup)
    )
}

fn write_group(text: &mut String, ranking: &Ranking) -> std::fmt::Result {
    let Some(group) = &ranking.group else { return Ok(()) };
    writeln!(
        text,
        "\nall processes of {} would be killed together (memory.oom.group): {}",
        name(&group.cgroup),
        group.pids.len()
    )
}

fn write_protected(text: &mut String, ranking: &Ranking) -> std::fmt::Result {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in &ranking.protected {
        let comm = one.comm.as_ref().map_or_else(String::new, |comm| sanitize::name(comm.as_bytes()));
        by_reason.entry(one.passed_over).or_default().push(format!("{comm} (pid {})", one.pid));
    }
    if !by_reason.is_empty() || ranking.kernel_threads > 0 {
        writeln!(text, "\nnever killed")?;
    }
    for (reason, names) in by_reason {
        let more = names.len().saturating_sub(NAMED);
        let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(text, "  {reason:<18} {named}{more}")?;
    }
    if ranking.kernel_threads > 0 {
        writeln!(text, "  {:<18} {}", "kernel threads", ranking.kernel_threads)?;
    }
    Ok(())
}

fn name(path: &ByteString) -> String {
    sanitize::name(path.as_bytes())
}
