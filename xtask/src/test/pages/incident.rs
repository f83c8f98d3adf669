//! Compares the rendered page of one incident with its JSON, section by section.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{
    account,
    units::{ABSENT, count, count_of, plain, size, size_of, span, text},
};
use crate::{host::browser::Page, test::local::tracer::at};

/// The number of candidates with a bar.
const BARS: usize = 40;

/// Checks the shown facts and the folded JSON below.
pub(super) fn judge(page: &mut Page<'_>, report: &Value) -> Result<()> {
    shown(page, report)?;
    facts(page, report).context("the facts")
}

/// Checks the shown facts.
pub(super) fn shown(page: &mut Page<'_>, report: &Value) -> Result<()> {
    head(page, report).context("the head")?;
    timeline(page, report).context("the timeline")?;
    chain(page, report).context("the limits")?;
    account::shown(page, report).context("the account")?;
    ballot(page, report).context("the ballot")?;
    memory(page, report).context("the memory")?;
    processes(page, report).context("the processes")?;
    settings(page, report).context("the settings")
}

/// Checks that a text contains each of these.
pub(super) fn holds(told: &str, words: &[String]) -> Result<()> {
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        ensure!(told.contains(word.as_str()), "`{word}` is not in: {told}");
    }
    Ok(())
}

pub(super) fn list<'a>(report: &'a Value, place: &str) -> &'a [Value] {
    at(report, place).as_array().map(Vec::as_slice).unwrap_or_default()
}

fn head(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let title = page.text_of("h1")?;
    ensure!(title == text(at(report, "/cause/summary")), "the title is {title}");
    let words = [text(at(report, "/cause/code")), text(at(report, "/cause/confidence"))];
    holds(&page.text_of(".kicker")?, &words)?;
    let words = ["/host", "/kernel", "/tier"].map(|place| text(at(report, place)));
    holds(&page.text_of(".byline")?, &words)?;
    if at(report, "/selection/outcome") == "no_kill" {
        return holds(&page.text_of(".figures")?, &["none".to_owned()]);
    }
    let resident: u64 = ["anon", "file", "shmem"]
        .iter()
        .filter_map(|kind| at(report, &format!("/victims/0/memory/{kind}_rss_bytes")).as_u64())
        .sum();
    let seen = !at(report, "/victims/0/memory").is_null();
    let resident = if seen { size(resident) } else { ABSENT.to_owned() };
    let points = count_of(at(report, "/selection/margin_points"));
    let pid = format!("pid {}", plain(at(report, "/victims/0/pid")));
    holds(&page.text_of(".figures")?, &[pid, resident, points])
}

fn timeline(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let rows = page.texts_of("#timeline tbody tr")?;
    let first = report.pointer("/victims/0/aftermath").cloned().unwrap_or(Value::Null);
    for (step, key) in [
        ("SIGKILL", "sigkill_ns"),
        ("reaper begins", "reap_start_ns"),
        ("reaper ends", "reap_end_ns"),
        ("exit", "exit_ns"),
    ] {
        let row = rows.iter().find(|row| row.starts_with(step));
        match (first.get(key).and_then(Value::as_u64), row) {
            (Some(ns), Some(row)) => {
                holds(row, &[if ns == 0 { "0".to_owned() } else { format!("+{}", span(ns)) }])?;
            }
            (Some(_), None) => anyhow::bail!("{step} has no row in {rows:?}"),
            (None, Some(row)) => holds(row, &[ABSENT.to_owned()])?,
            (None, None) => {}
        }
    }
    ensure!(rows.first().is_some_and(|row| row.starts_with("decision")), "{rows:?}");
    Ok(())
}

/// A usage and its limit.
fn of(usage: &Value, limit: &Value) -> String {
    match (usage.as_u64(), limit.as_u64()) {
        (None, None) => ABSENT.to_owned(),
        (Some(usage), None) => format!("{}, no limit", size(usage)),
        (_, Some(limit)) => format!("{} of {}", size_of(usage), size(limit)),
    }
}

fn chain(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let levels = list(report, "/domain/chain");
    let shown = page.texts_of("#limits ol.chain > li")?;
    ensure!(shown.len() == levels.len(), "{} levels of {}", shown.len(), levels.len());
    for (shown, level) in shown.iter().zip(levels) {
        let memory = of(at(level, "/usage_bytes"), at(level, "/max_bytes"));
        let swap = of(at(level, "/swap_usage_bytes"), at(level, "/swap_max_bytes"));
        let word = if at(report, "/domain/memsw") == true { "memory and swap" } else { "swap" };
        let high = format!("high {}", size_of(at(level, "/high_bytes")));
        holds(shown, &[text(at(level, "/cgroup")), memory, format!("{word} {swap}"), high])?;
        let is_hit = shown.contains("hit") || shown.contains("short");
        ensure!(at(level, "/hit") == is_hit, "the mark is wrong: {shown}");
    }
    let widths = page.evaluate(
        "[...document.querySelectorAll('#limits li rect.hit, #limits li rect.used')].map(bar => \
         bar.getBoundingClientRect().width / bar.parentElement.getBoundingClientRect().width)",
    )?;
    let limited = levels
        .iter()
        .filter_map(|level| Some((at(level, "/usage_bytes").as_f64()?, at(level, "/max_bytes").as_f64()?)));
    let limited: Vec<f64> = limited.map(|(usage, max)| (usage / max).min(1.0)).collect();
    let drawn: Vec<f64> = widths.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let fits = drawn.len() == limited.len()
        && drawn.iter().zip(&limited).all(|(drawn, is)| (drawn - is).abs() < 0.005);
    ensure!(fits, "bars are filled {drawn:?}, the limits {limited:?}");
    let evidence = list(report, "/cause/evidence").iter().map(text).collect::<Vec<_>>();
    holds(&page.text_of("#limits")?, &evidence)
}

fn ballot(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let looked_at = count_of(at(report, "/candidates_total"));
    holds(&page.text_of("#ballot")?, &[format!("tasks examined {looked_at}")])?;
    if let Some(points) = at(report, "/selection/margin_points").as_i64() {
        let runner_up = format!("(pid {})", plain(at(report, "/selection/runner_up_pid")));
        let words = if points == 0 { "none over".to_owned() } else { count(points) };
        holds(&page.text_of("#margin")?, &[words, runner_up])?;
    }
    let candidates = list(report, "/candidates");
    let (over, contenders): (Vec<&Value>, Vec<&Value>) =
        candidates.iter().partition(|row| !at(row, "/passed_over").is_null());
    let shown = page.texts_of("ol.ballot > li")?;
    ensure!(shown.len() == contenders.len().min(BARS), "{} bars of {}", shown.len(), contenders.len());
    for (shown, row) in shown.iter().zip(&contenders) {
        candidate(shown, row)?;
    }
    let rows = page.texts_of("#passed-over tbody tr")?;
    ensure!(rows.len() == over.len().min(60), "{} rows of {} passed over", rows.len(), over.len());
    for (shown, row) in rows.iter().zip(&over) {
        holds(shown, &[text(at(row, "/comm")), plain(at(row, "/pid")), plain(at(row, "/oom_score_adj"))])?;
    }
    Ok(())
}

fn candidate(shown: &str, row: &Value) -> Result<()> {
    ensure!(shown.contains("chosen") == (at(row, "/chosen") == true), "the mark is wrong: {shown}");
    let adj = format!("oom_score_adj {}", plain(at(row, "/oom_score_adj")));
    holds(shown, &[text(at(row, "/comm")), format!("pid {}", plain(at(row, "/pid"))), adj])?;
    if at(row, "/oom_flag_origin") == true {
        return Ok(());
    }
    let [rss, swap, tables, points] =
        ["/rss_pages", "/swap_pages", "/pgtables_pages", "/points"].map(|place| count_of(at(row, place)));
    let adj = match at(row, "/adj_pages").as_i64() {
        Some(pages) => format!("{} {} adj", if pages < 0 { '−' } else { '+' }, count(pages.saturating_abs())),
        None => format!("+ {ABSENT} adj"),
    };
    let sum = format!("{rss} rss + {swap} swap + {tables} tables {adj}");
    holds(shown, &[format!("{points} points"), sum, format!("= {points}")])
}

fn memory(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let shown = page.texts_of("#memory .composition")?;
    let held = list(report, "/victims").iter().filter(|victim| !at(victim, "/memory").is_null());
    for (shown, victim) in shown.iter().zip(held) {
        let figures = [
            ("anon", "anon_rss"),
            ("file", "file_rss"),
            ("shmem", "shmem_rss"),
            ("swap", "swap"),
            ("page tables", "pgtables"),
            ("address space", "total_vm"),
        ];
        let words = figures
            .map(|(what, key)| format!("{what} {}", size_of(at(victim, &format!("/memory/{key}_bytes")))));
        holds(shown, &words)?;
    }
    if let Some(stat) = at(report, "/domain/memory_stat").as_object() {
        let rows = page.texts_of("#memory table.stat tr")?.join("\n");
        let known = ["anon", "file", "kernel"].iter().filter_map(|name| Some((name, stat.get(*name)?)));
        for (name, bytes) in known {
            holds(&rows, &[format!("{name} {}", size_of(bytes))])?;
        }
    }
    Ok(())
}

fn processes(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let shown = page.texts_of("#processes article")?;
    let (first, rest) = shown.split_first().context("nobody")?;
    let trigger = format!("pid {}", plain(at(report, "/trigger/pid")));
    holds(first, &if at(report, "/trigger").is_null() { vec![ABSENT.to_owned()] } else { vec![trigger] })?;
    for (shown, victim) in rest.iter().zip(list(report, "/victims")) {
        let mut words = vec![
            text(at(victim, "/comm")),
            format!("pid {}", plain(at(victim, "/pid"))),
            format!("uid {}", plain(at(victim, "/uid"))),
            format!("oom_score_adj {}", plain(at(victim, "/oom_score_adj"))),
            text(at(victim, "/cgroup")),
            text(at(victim, "/exe")),
        ];
        words.extend(list(victim, "/cmdline").iter().map(text));
        holds(shown, &words)?;
    }
    Ok(())
}

fn settings(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let keys = ["oom_kill_allocating_task", "panic_on_oom", "overcommit_memory"];
    let mut words: Vec<String> =
        keys.map(|key| format!("vm.{key} {}", plain(at(report, &format!("/sysctl/{key}"))))).into();
    words.push(format!("frames lost {}", count_of(at(report, "/status/lost_frames"))));
    words.push(format!("incident {}", text(at(report, "/id"))));
    holds(&page.text_of("#settings")?, &words)
}

/// Checks that the JSON is folded and exact.
fn facts(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let folded = page.evaluate("document.querySelector('#facts').open")?;
    ensure!(folded == false, "the facts are not folded");
    let json = page.evaluate("document.querySelector('#json').textContent")?;
    let json: Value = serde_json::from_str(json.as_str().unwrap_or_default()).context("the page's JSON")?;
    ensure!(json == *report, "the page's JSON differs: {json}");
    Ok(())
}
