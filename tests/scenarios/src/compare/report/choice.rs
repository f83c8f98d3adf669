//! Checks that the kernel's formula explains the kernel's choice: the killed task has the most points in the table. This
//! detects a scenario or a parser with wrong sizes (`oom_badness`,
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L200>).

use std::collections::BTreeSet;

use super::incident::{HELD_BACK_PAGES, TOLERANCE_BYTES};
use crate::compare::Disagreement;
use crate::witness::{Incident, Message, Row};

/// A process that is never chosen.
const OOM_SCORE_ADJ_MIN: i16 = -1000;

pub(in crate::compare) fn judge(log: &[Incident], page_bytes: u64) -> Vec<Disagreement> {
    let mut gone = BTreeSet::new();
    let mut found = Vec::new();
    for incident in log {
        found.extend(of_incident(incident, &gone, page_bytes));
        gone.extend(incident.kills.iter().map(|kill| kill.pid));
    }
    found
}

/// Checks one incident. `gone` contains the tasks killed before, which may still be listed while they die.
fn of_incident(incident: &Incident, gone: &BTreeSet<u32>, page_bytes: u64) -> Option<Disagreement> {
    let (usage, first) = (incident.usage?, incident.kills.first()?);
    // With swap, the domain is larger than its limit by an amount that the log does not show.
    let has_swap = incident.rows.iter().any(|row| row.swap_pages > 0);
    if first.message != Message::Memcg || has_swap {
        return None;
    }
    let total_pages = usage.limit_bytes / page_bytes;
    let may_be_chosen = |row: &&Row| row.oom_score_adj != OOM_SCORE_ADJ_MIN && !gone.contains(&row.pid);
    let rows = || incident.rows.iter().filter(may_be_chosen);
    let victim = rows().find(|row| row.pid == first.pid)?;
    let worst = rows().max_by_key(|row| points(row, total_pages, page_bytes))?;
    let tolerance = i64::try_from((TOLERANCE_BYTES / page_bytes).max(HELD_BACK_PAGES)).unwrap_or(i64::MAX);
    let [killed, most] = [victim, worst].map(|row| points(row, total_pages, page_bytes));
    (most.saturating_sub(killed) > tolerance).then(|| Disagreement {
        field: "(outcome) choice".to_owned(),
        witness: "task table",
        says: format!("pid {} with {most} points", worst.pid),
        report: format!("pid {} was killed with {killed}", victim.pid),
    })
}

fn points(row: &Row, total_pages: u64, page_bytes: u64) -> i64 {
    let base = i64::try_from(row.base_pages(page_bytes)).unwrap_or(i64::MAX);
    let per_unit = i64::try_from(total_pages / 1000).unwrap_or(i64::MAX);
    base.saturating_add(i64::from(row.oom_score_adj).saturating_mul(per_unit))
}
