//! Matches reports with the incidents of the log.

use serde_json::Value;

use crate::witness::Incident;

/// The process and thread ids of a report's victims.
pub(super) fn victim_ids(report: &Value) -> Vec<(Option<u64>, Option<u64>)> {
    let victims = report.get("victims").and_then(Value::as_array);
    let id = |victim: &Value, name: &str| victim.get(name).and_then(Value::as_u64);
    victims.into_iter().flatten().map(|victim| (id(victim, "pid"), id(victim, "tid"))).collect()
}

/// Whether a report and an incident share a victim. The id in the log can be a thread's.
pub(super) fn share_victim(report: &Value, incident: &Incident) -> bool {
    let ids = victim_ids(report);
    incident.kills.iter().any(|kill| {
        let killed = Some(u64::from(kill.pid));
        ids.iter().any(|&(pid, tid)| pid == killed || tid == killed)
    })
}

/// Whether a report states that a process was killed.
pub(super) fn claims_kill(report: &Value) -> bool {
    let outcome = report.pointer("/selection/outcome").and_then(Value::as_str);
    !matches!(outcome, Some("marked_only" | "no_kill")) && !victim_ids(report).is_empty()
}
