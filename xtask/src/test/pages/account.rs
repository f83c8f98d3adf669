//! Compares the rendered account and zones of a page with the JSON.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{
    incident::{holds, list},
    units::{ABSENT, count_of, size_of, text},
};
use crate::{host::browser::Page, test::local::tracer::at};

/// The number of parts with a row of their own.
const PARTS: usize = 12;

/// The number of drawn zones.
const ZONES: usize = 24;

/// Checks the section, which is absent if nothing was read.
pub(super) fn shown(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let is_there = page.evaluate("document.querySelector('#account') !== null")?;
    let is_read = !at(report, "/account").is_null() || !at(report, "/machine").is_null();
    ensure!(is_there == is_read, "the section exists: {is_there}, the account was read: {is_read}");
    if !at(report, "/account").is_null() {
        account(page, report)?;
    }
    zones(page, report)
}

fn account(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let told = page.text_of("#account")?;
    let mut words = vec![
        size_of(at(report, "/account/total_bytes")),
        format!("page tables of all candidates {}", size_of(at(report, "/account/candidates_bytes"))),
        format!("of the victims {}", size_of(at(report, "/account/victim_bytes"))),
        format!("locked {}", size_of(at(report, "/account/locked_bytes"))),
        format!("dirty {}", size_of(at(report, "/account/dirty_bytes"))),
    ];
    words.extend(
        list(report, "/account/reasons")
            .iter()
            .flat_map(|reason| ["/text", "/code"].map(|place| text(at(reason, place)))),
    );
    if !at(report, "/account/holder").is_null() {
        words.push(text(at(report, "/account/holder/text")));
    }
    holds(&told, &words)?;
    rows(page, report)?;
    bar(page, report)
}

fn rows(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let parts = list(report, "/account/parts");
    let shown = page.texts_of("#parts tbody tr")?;
    let expected = parts.len().min(PARTS) + usize::from(parts.len() > PARTS);
    ensure!(shown.len() == expected, "{} rows of {} parts", shown.len(), parts.len());
    for (shown, part) in shown.iter().zip(parts.iter().take(PARTS)) {
        let answers = ["/reclaimable", "/freed_by_kill"].map(|place| match at(part, place).as_bool() {
            Some(true) => "yes",
            Some(false) => "no",
            None => ABSENT,
        });
        let cells: Vec<&str> = shown.split('\t').map(str::trim).collect();
        ensure!(cells.ends_with(&answers), "{shown:?} does not end in {answers:?}");
        holds(shown, &[size_of(at(part, "/bytes"))])?;
    }
    Ok(())
}

/// Checks that the drawn parts have the right widths.
fn bar(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let widths = page.evaluate(
        "(() => { const bar = document.querySelector('#account > svg.bar'); \
         return [...bar.querySelectorAll('rect:not(.track)')].map(part => \
         part.getBoundingClientRect().width / bar.getBoundingClientRect().width) })()",
    )?;
    let total = at(report, "/account/total_bytes").as_f64().unwrap_or(0.0).max(1.0);
    let parts = list(report, "/account/parts").iter().take(PARTS);
    let shares = parts.filter_map(|part| at(part, "/bytes").as_f64()).filter(|bytes| *bytes > 0.0);
    let shares: Vec<f64> = shares.map(|bytes| bytes / total).collect();
    let drawn: Vec<f64> = widths.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let fits = drawn.len() >= shares.len()
        && drawn.iter().zip(&shares).all(|(drawn, is)| (drawn - is).abs() < 0.005);
    ensure!(fits, "parts are drawn {drawn:?}, they are {shares:?}");
    Ok(())
}

fn zones(page: &mut Page<'_>, report: &Value) -> Result<()> {
    let zones = list(report, "/machine/zones");
    let shown = page.texts_of("#zones > li")?;
    // A cgroup at its limit may find every zone full of free memory, so the page omits them.
    let expected = if at(report, "/domain/kind") == "memcg" { 0 } else { zones.len().min(ZONES) };
    ensure!(shown.len() == expected, "{} zones of {}, expected {expected}", shown.len(), zones.len());
    for (shown, zone) in shown.iter().zip(zones) {
        let mut words = vec![
            text(at(zone, "/name")),
            format!("node {}", at(zone, "/node")),
            format!("{} free of {}", size_of(at(zone, "/free_bytes")), size_of(at(zone, "/managed_bytes"))),
        ];
        words.extend(
            ["min", "low", "high", "boost", "reserve", "highatomic"]
                .map(|key| format!("{key} {}", size_of(at(zone, &format!("/{key}_bytes"))))),
        );
        words.extend(list(zone, "/free_blocks").iter().map(count_of));
        holds(shown, &words)?;
        let is_told = shown.contains("not usable by this allocation");
        ensure!(is_told == (at(zone, "/usable") == false), "the zone's usability is wrong: {shown}");
    }
    Ok(())
}
