//! Checks reports of decisions without a kill: each needs a witness, and their number is bounded.

use serde_json::Value;

use super::ledger::Ledger;
use super::report::incident::{LOG, SCENARIO};
use super::{Disagreement, marks, pairing};
use crate::job::Tier;
use crate::observation::Observation;
use crate::scenario::Scenario;
use crate::witness::Incident;

/// `__GFP_FS`.
const GFP_FS: u64 = 1 << 7;

pub(super) fn judge(
    scenario: &Scenario,
    seen: &Observation,
    log: &[Incident],
    reports: &[Value],
    tier: Tier,
) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let quiet: Vec<&Value> = reports.iter().filter(|report| !pairing::claims_kill(report)).collect();
    for report in &quiet {
        let mut ledger = Ledger::new(report, tier, seen.mark_victim_tells_task);
        frame(scenario, seen, &mut ledger, tier);
        match ledger.value("selection.outcome").and_then(Value::as_str) {
            Some("marked_only") => marked_only(scenario, seen, log, &mut ledger),
            _ if is_gfp_without_fs(&ledger) => may_not_kill(scenario, &mut ledger),
            _ => nobody(seen, log, &mut ledger),
        }
        found.extend(ledger.found);
    }
    found.extend(passes(scenario, seen, reports));
    let without_victim = quiet.iter().filter(|report| pairing::victim_ids(report).is_empty()).count();
    // However many passes find no process to kill, a scenario has one domain and ends before a report of such passes is closed.
    // Only a kill closes one earlier.
    let kills = log.iter().filter(|incident| !incident.kills.is_empty()).count();
    let most = kills.max(1);
    if without_victim > most {
        found.push(Disagreement {
            field: "reports without a victim".to_owned(),
            witness: SCENARIO,
            says: format!("at most {most}"),
            report: without_victim.to_string(),
        });
    }
    found
}

/// Checks that the reported passes do not exceed the kernel's own count, and are not far fewer if one task causes them all.
/// `oom` counts each call for the cgroup (`mem_cgroup_oom`, `memory_max_write`,
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1670>). Some calls return before `out_of_memory`.
fn passes(scenario: &Scenario, seen: &Observation, reports: &[Value]) -> Option<Disagreement> {
    let limit =
        seen.cgroups.iter().find(|cgroup| Some(&cgroup.path) == scenario.expect.limit_cgroup.as_ref())?;
    let calls = limit.growth("oom")?;
    let empty = |report: &Value| report.pointer("/empty_passes/count").and_then(Value::as_u64);
    let seen_inside = |report: &&Value| report.get("tier").and_then(Value::as_str) != Some("tracepoint");
    let inside: Vec<&Value> = reports.iter().filter(seen_inside).collect();
    // A decision is one pass. A run of empty passes contributes its count.
    let decided = |report: &Value| u64::from(!pairing::victim_ids(report).is_empty());
    let told: u64 = inside.iter().map(|report| decided(report) + empty(report).unwrap_or(0)).sum();
    let by_one_task = scenario.expect.cause == "memcg_limit_lowered" && !inside.is_empty();
    let least = if by_one_task { calls.saturating_sub(1 + calls / 10) } else { 0 };
    let fits = (least..=calls).contains(&told);
    (!fits).then(|| Disagreement {
        field: "empty_passes.count".to_owned(),
        witness: "memory.events",
        says: format!("{least} to {calls} calls of the OOM killer"),
        report: format!("{told} passes"),
    })
}

/// Checks the fields that do not depend on the outcome.
fn frame(scenario: &Scenario, seen: &Observation, ledger: &mut Ledger<'_>, tier: Tier) {
    ledger.same(SCENARIO, "tier", tier.name());
    ledger.same(SCENARIO, "kernel", seen.release.as_str());
    ledger.same(SCENARIO, "status.complete", true);
    ledger.same(SCENARIO, "status.lost_frames", 0);
    ledger.same(SCENARIO, "cause.code", scenario.expect.cause.as_str());
    // Such a pass ends before the kernel determines the constraint of the allocation.
    let observed = tier != Tier::Tracepoint && !is_gfp_without_fs(ledger);
    ledger.same(SCENARIO, "cause.confidence", if observed { "observed" } else { "inferred" });
    ledger.same(SCENARIO, "domain.kind", scenario.expect.domain.as_str());
    if let Some(limit) = &scenario.expect.limit_cgroup {
        ledger.shows(SCENARIO, "domain.cgroup", limit);
    }
}

/// Checks that a dying process got access to reserves: it was marked, and no process was killed.
fn marked_only(scenario: &Scenario, seen: &Observation, log: &[Incident], ledger: &mut Ledger<'_>) {
    ledger.same(LOG, "selection.policy", "already_exiting");
    asked_by(scenario, seen, ledger);
    let victims = ledger.value("victims").and_then(Value::as_array).cloned().unwrap_or_default();
    let ids = pairing::victim_ids(&serde_json::json!({ "victims": victims }));
    for (number, (pid, tid)) in ids.iter().enumerate() {
        let field = |name: &str| format!("victims.{number}.{name}");
        let is_it = |mark: &u32| Some(u64::from(*mark)) == *tid;
        if !marks::tids(seen).iter().any(is_it) {
            ledger.write(marks::TRACE, &field("tid"), "no such mark", &format!("{tid:?}"));
        }
        let killed = |pid: u64| {
            log.iter()
                .flat_map(|i| i.kills.iter().map(|kill| i.process_of(kill.pid)))
                .any(|k| u64::from(k) == pid)
        };
        if pid.is_none_or(killed) {
            ledger.write(LOG, &field("pid"), "a process that was not killed", &format!("{pid:?}"));
        }
        ledger.same(SCENARIO, &field("role"), "chosen");
        let sent = format!("{}.sigkill_ns", field("aftermath"));
        ledger.absent(LOG, &sent, "the OOM killer sent no signal");
    }
}

/// Checks that the trigger and the marked process are those of the scenario, if it names them.
fn asked_by(scenario: &Scenario, seen: &Observation, ledger: &mut Ledger<'_>) {
    let expect = &scenario.expect;
    if expect.marked.is_empty() {
        return;
    }
    for (field, roles) in [("trigger.pid", &expect.trigger), ("victims.0.pid", &expect.marked)] {
        let pid = ledger.value(field).and_then(Value::as_u64);
        let is_one =
            seen.processes.iter().any(|run| Some(u64::from(run.pid)) == pid && roles.contains(&run.role));
        if !is_one {
            ledger.write(SCENARIO, field, &format!("one of {roles:?}"), &format!("{pid:?}"));
        }
    }
}

/// Whether the allocation must not wait for file systems (`__GFP_FS`, bit 7 of `gfp_mask` on all kernels).
fn is_gfp_without_fs(ledger: &Ledger<'_>) -> bool {
    let mask = ledger.value("allocation.gfp_mask").and_then(Value::as_str);
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim_start_matches("0x"), 16).ok());
    mask.is_some_and(|mask| mask & GFP_FS == 0)
}

/// Checks an allocation without `__GFP_FS` on a machine out of memory, for which the kernel kills no process (`out_of_memory`,
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1139>). The log has no line for it.
fn may_not_kill(scenario: &Scenario, ledger: &mut Ledger<'_>) {
    ledger.same(SCENARIO, "selection.outcome", "no_kill");
    ledger.same(SCENARIO, "selection.policy", "gfp_nofs");
    if scenario.expect.domain == "memcg" {
        ledger.write(
            SCENARIO,
            "allocation.gfp_mask",
            "a cgroup's limit, which ignores the flag",
            "no flag __GFP_FS",
        );
    }
}

/// Checks that no process was marked either. The log says that none could be killed, or that the chosen one was already exiting.
fn nobody(seen: &Observation, log: &[Incident], ledger: &mut Ledger<'_>) {
    ledger.same(LOG, "selection.outcome", "no_kill");
    let victims = ledger.value("victims").cloned().unwrap_or_default();
    let ids = pairing::victim_ids(&serde_json::json!({ "victims": victims }));
    let marked = |tid: &u32| ids.iter().any(|(_, of)| *of == Some(u64::from(*tid)));
    if let Some(tid) = marks::tids(seen).into_iter().find(marked) {
        ledger.write(marks::TRACE, "selection.outcome", &format!("{tid} was marked"), "no_kill");
    }
    if ids.iter().any(|(_, tid)| marks::is_exiting(log, *tid)) {
        ledger.same(LOG, "selection.policy", "already_exiting");
    } else if log.iter().any(|incident| incident.none_killable) {
        ledger.same(LOG, "selection.policy", "none_killable");
    } else {
        let policy = ledger.value("selection.policy").map(ToString::to_string);
        ledger.write(LOG, "selection.policy", "no decision without a kill", &format!("{policy:?}"));
    }
}
