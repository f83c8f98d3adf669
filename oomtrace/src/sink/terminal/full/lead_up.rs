//! The minutes before: the growth, and a curve in one line.

use super::{
    super::{sanitize::name, units::size},
    sheet::Sheet,
};
use crate::{
    lead_up::Grower,
    report::Report,
    sink::lead_up::{headline, sparkline, usage, victim},
};

/// Columns of a curve.
const COLUMNS: u64 = 32;

pub(super) fn lead_up(sheet: &mut Sheet, report: &Report) {
    let Some(lead_up) = &report.lead_up else { return };
    sheet.section("lead-up", &headline(report, lead_up));
    let usage = usage(lead_up);
    if let [first, .., last] = usage.as_slice() {
        let seconds = first.0 / 1_000_000_000;
        let curve = sparkline(&usage, COLUMNS);
        sheet.named("usage", &format!("{curve}  {} to {} in {seconds} s", size(first.1), size(last.1)));
    }
    for (index, grower) in lead_up.growers.iter().enumerate() {
        sheet.named(if index == 0 { "growers" } else { "" }, &row(grower));
    }
    for (index, cgroup) in lead_up.cgroups.iter().enumerate() {
        let path = name(cgroup.cgroup.as_bytes());
        let key = if index == 0 { "cgroups" } else { "" };
        sheet.named(key, &format!("{path} {}, {} %", size(cgroup.growth_bytes), cgroup.percent));
    }
    if let Some(words) = victim(lead_up) {
        sheet.named("victim", words);
    }
}

fn row(grower: &Grower) -> String {
    let comm = grower.comm.as_ref().map_or_else(|| "-".to_owned(), |comm| name(comm.as_bytes()));
    let moments: Vec<(u64, u64)> =
        grower.samples.iter().map(|sample| (sample.before_ns, sample.bytes)).collect();
    let curve = sparkline(&moments, COLUMNS);
    let gap = if curve.is_empty() { "" } else { "  " };
    let grown = size(grower.growth_bytes);
    format!("{curve}{gap}{comm} (pid {}) grew by {grown}, {} %", grower.pid, grower.percent)
}
