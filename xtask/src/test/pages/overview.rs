//! Compares the rendered overview with the rows of `list` and the reports of `show`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::units::{count, plain, text};
use crate::{host::browser::Page, test::local::tracer::at};

pub(super) fn judge(page: &mut Page<'_>, rows: &[Value], reports: &[Value]) -> Result<()> {
    ensure!(
        !rows.is_empty() && rows.len() == reports.len(),
        "{} rows, {} reports",
        rows.len(),
        reports.len()
    );
    let kills: usize =
        reports.iter().map(|report| at(report, "/victims").as_array().map_or(0, Vec::len)).sum();
    let (kills, incidents) = (count(i64::try_from(kills)?), count(i64::try_from(rows.len())?));
    let title = page.text_of("h1")?;
    ensure!(title == format!("{kills} kills in {incidents} incidents"), "the title is {title}");
    over_time(page, &kills)?;
    causes(page, reports)?;
    ranking(page, "#cgroups", counted(reports, "/domain/cgroup"))?;
    ranking(page, "#victims", counted(reports, "/victims/0/comm"))?;
    list(page, rows, reports)
}

/// Checks that the columns add up to the kills.
fn over_time(page: &mut Page<'_>, kills: &str) -> Result<()> {
    let titles = "[...document.querySelectorAll('#over-time rect title')].map(found => found.textContent)";
    let titles = page.evaluate(titles)?;
    let counts = titles.as_array().into_iter().flatten().filter_map(Value::as_str);
    let sum: i64 =
        counts.filter_map(|title| title.rsplit(": ").next()?.replace(' ', "").parse::<i64>().ok()).sum();
    ensure!(count(sum) == kills, "the columns have {sum} kills, not {kills}: {titles}");
    Ok(())
}

fn counted(reports: &[Value], place: &str) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for report in reports {
        *counts.entry(text(at(report, place))).or_default() += 1;
    }
    counts
}

fn causes(page: &mut Page<'_>, reports: &[Value]) -> Result<()> {
    let shown = page.texts_of("#causes tbody tr")?;
    let counts = counted(reports, "/cause/code");
    ensure!(shown.len() == counts.len(), "causes {shown:?}, not {counts:?}");
    for (code, many) in counts {
        let row = shown.iter().find(|row| row.starts_with(&code)).with_context(|| format!("no {code}"))?;
        ensure!(row.contains(&count(many)), "{code}: {row}, not {many}");
    }
    Ok(())
}

/// Checks that a name that was killed more than once has its count.
fn ranking(page: &mut Page<'_>, section: &str, counts: BTreeMap<String, i64>) -> Result<()> {
    let rows = page.texts_of(&format!("{section} tbody tr"))?;
    for (name, many) in counts.into_iter().filter(|(_, many)| *many > 1) {
        let row =
            rows.iter().find(|row| row.starts_with(&name)).with_context(|| format!("no {name}: {rows:?}"))?;
        let told = row.trim_start_matches(&name);
        ensure!(told.split_whitespace().next() == Some(count(many).as_str()), "{name}: {row}, not {many}");
    }
    Ok(())
}

/// Checks the list, whose first row is the last incident.
fn list(page: &mut Page<'_>, rows: &[Value], reports: &[Value]) -> Result<()> {
    let shown = page.texts_of("#incidents tbody tr")?;
    ensure!(shown.len() == rows.len(), "{} rows of {}", shown.len(), rows.len());
    for (shown, (row, report)) in shown.iter().zip(rows.iter().zip(reports).rev()) {
        let victim = if at(report, "/selection/outcome") == "no_kill" {
            "none".to_owned()
        } else {
            let [comm, pid] = ["/victims/0/comm", "/victims/0/pid"].map(|place| at(report, place));
            format!("{} pid {}", text(comm), plain(pid))
        };
        let inferred = at(report, "/cause/confidence") == "inferred";
        ensure!(
            shown.contains("inferred") == inferred,
            "inferred is {inferred}, which differs from: {shown}"
        );
        let words = [
            plain(at(row, "/number")),
            victim,
            text(at(report, "/cause/code")),
            text(at(report, "/domain/cgroup")),
            text(at(report, "/time")).get(..19).unwrap_or_default().replace('T', " "),
        ];
        for word in words {
            ensure!(shown.contains(&word), "`{word}` is not in: {shown}");
        }
    }
    Ok(())
}
