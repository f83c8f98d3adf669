//! Processes that die with a victim without a line in the log: those of a pid namespace whose init was killed.

use serde_json::Value;

use super::incident::{Case, SCENARIO};
use crate::compare::ledger::Ledger;
use crate::compare::{ground, pairing};
use crate::observation::{Observation, ProcessRun};
use crate::scenario::Scenario;
use crate::witness::Incident;

/// Whether a process was in the pid namespace of an init that the log lists as killed in this incident.
pub(in crate::compare) fn goes_with(
    scenario: &Scenario,
    seen: &Observation,
    incident: &Incident,
    run: &ProcessRun,
) -> bool {
    let process = scenario.processes.iter().find(|process| process.role == run.role);
    let init = process.and_then(|process| scenario.init_of(process));
    let of_init = |other: &&ProcessRun| init.is_some_and(|init| other.role == init.role);
    seen.processes.iter().filter(of_init).any(|init| incident.kills.iter().any(|kill| kill.pid == init.pid))
}

/// Compares the victims that the report lists because of their pid namespace with the scenario. Returns the number of the other
/// victims, which the log must contain.
pub(in crate::compare) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>, victims: &[Value]) -> usize {
    let killed = ground::killed_pids(case.scenario, case.seen, &[]);
    let report = serde_json::json!({ "victims": victims });
    let mut others = 0;
    for (number, (victim, (pid, _))) in victims.iter().zip(pairing::victim_ids(&report)).enumerate() {
        if victim.get("role").and_then(Value::as_str) != Some("pid_namespace") {
            others += 1;
            continue;
        }
        let field = |name: &str| format!("victims.{number}.{name}");
        let run = case.seen.processes.iter().find(|run| pid == Some(u64::from(run.pid)));
        let legitimate = run.filter(|run| {
            killed.contains(&run.pid) && goes_with(case.scenario, case.seen, case.incident, run)
        });
        match legitimate.and_then(|run| case.process(u64::from(run.pid))) {
            Some(process) => {
                ledger.shows(SCENARIO, &field("comm"), &process.kernel_comm());
                ledger.shows(SCENARIO, &field("cgroup"), &process.cgroup_path());
                ledger.check(SCENARIO, &field("aftermath.sigkill_ns"), "a time", Value::is_u64);
                ledger.absent(SCENARIO, &field("score"), "the kernel did not choose it");
            }
            None => ledger.write(
                SCENARIO,
                &field("role"),
                "not in the namespace of a killed init",
                "pid_namespace",
            ),
        }
    }
    others
}
