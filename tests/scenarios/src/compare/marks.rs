//! Compares marks with the kernel's own trace of them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Disagreement, pairing};
use crate::observation::Observation;
use crate::witness::Incident;

/// The witness.
pub(super) const TRACE: &str = "kernel trace";

/// The marked threads in order. Empty if there is no trace.
pub(super) fn tids(seen: &Observation) -> Vec<u32> {
    seen.marks.iter().flatten().map(|mark| mark.tid).collect()
}

/// Whether the log says that this chosen task had given up its memory, for which the kernel does not mark it.
pub(super) fn is_exiting(log: &[Incident], tid: Option<u64>) -> bool {
    tid.is_some() && log.iter().any(|incident| incident.exiting.map(u64::from) == tid)
}

pub(super) fn judge(seen: &Observation, log: &[Incident], reports: &[Value]) -> Vec<Disagreement> {
    let mut found = Vec::new();
    if seen.marks.is_none() {
        return found;
    }
    let marked: BTreeSet<u64> = tids(seen).into_iter().filter_map(|tid| process_of(seen, log, tid)).collect();
    let told: BTreeSet<u64> =
        reports.iter().flat_map(pairing::victim_ids).filter_map(|(pid, _)| pid).collect();
    for pid in marked.difference(&told) {
        found.push(differ("victims", &format!("{pid} was marked"), &format!("{told:?}")));
    }
    for (number, report) in reports.iter().enumerate() {
        let victims = report.get("victims").and_then(Value::as_array).into_iter().flatten();
        let unmarked = |victim: &&Value| {
            matches!(victim.get("role").and_then(Value::as_str), Some("shared_mm" | "pid_namespace"))
        };
        for victim in victims.filter(|victim| !unmarked(victim)) {
            let tid = victim.get("tid").and_then(Value::as_u64);
            if !pairing::claims_kill(report) && is_exiting(log, tid) {
                continue;
            }
            if !tids(seen).iter().any(|marked| Some(u64::from(*marked)) == tid) {
                let says = format!("marked were {:?}", tids(seen));
                found.push(differ(&format!("(report {number}) victims.tid"), &says, &format!("{tid:?}")));
            }
        }
    }
    let counted: u64 = reports.iter().filter_map(|report| report.get("marks")?.as_u64()).sum();
    let most = tids(seen).len();
    if counted > u64::try_from(most).unwrap_or(u64::MAX) {
        found.push(differ("marks", &most.to_string(), &counted.to_string()));
    }
    found
}

/// The process of a marked thread: one of the scenario or of the log's table.
fn process_of(seen: &Observation, log: &[Incident], tid: u32) -> Option<u64> {
    let in_table = || log.iter().find_map(|incident| incident.row(tid)).map(|row| row.tgid);
    let own = seen.processes.iter().any(|run| run.pid == tid).then_some(tid);
    own.or_else(in_table).map(u64::from)
}

fn differ(field: &str, says: &str, report: &str) -> Disagreement {
    Disagreement { field: field.to_owned(), witness: TRACE, says: says.to_owned(), report: report.to_owned() }
}
