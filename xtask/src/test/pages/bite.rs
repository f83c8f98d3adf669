//! Checks that the comparison detects errors: JSON with one changed fact must not match the page.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Pages, WIDTH, incident, recordings};
use crate::host::browser::Scheme;

/// Facts on the page of a completely traced decision.
const PLACES: [&str; 25] = [
    "/cause/summary",
    "/selection/margin_points",
    "/selection/runner_up_pid",
    "/candidates_total",
    "/candidates/0/points",
    "/candidates/1/rss_pages",
    "/candidates/2/adj_pages",
    "/candidates/3/pgtables_pages",
    "/candidates/4/pid",
    "/domain/chain/0/max_bytes",
    "/domain/chain/1/usage_bytes",
    "/domain/memory_stat/anon",
    "/account/total_bytes",
    "/account/candidates_bytes",
    "/account/parts/0/bytes",
    "/account/parts/0/freed_by_kill",
    "/account/parts/1/reclaimable",
    "/trigger/pid",
    "/victims/0/pid",
    "/victims/0/oom_score_adj",
    "/victims/0/memory/anon_rss_bytes",
    "/victims/0/memory/pgtables_bytes",
    "/victims/0/aftermath/exit_ns",
    "/sysctl/panic_on_oom",
    "/status/lost_frames",
];

/// Changes each of them, one by one.
pub(super) fn bites(pages: &mut Pages) -> Result<()> {
    let recording = recordings::documented();
    let reports = pages.asked(&["show"], &recording)?;
    let report = reports.first().context("no report")?;
    let file = pages.page(&["show", "1"], &recording)?;
    let mut page = pages.browser.open(&file, Scheme::Light, WIDTH)?;
    incident::shown(&mut page, report)?;
    for place in PLACES {
        let mut other = report.clone();
        let fact = other.pointer_mut(place).with_context(|| format!("the report has no {place}"))?;
        *fact = altered(fact);
        ensure!(incident::shown(&mut page, &other).is_err(), "the comparison ignores {place}");
    }
    Ok(())
}

/// A changed fact, different enough to be rendered differently.
fn altered(fact: &Value) -> Value {
    match fact.as_i64() {
        Some(number) => json!(number.saturating_mul(2).saturating_add(7)),
        None => json!(format!("{fact}, or so")),
    }
}
