//! Compares the reported events after the kernel's kill with the actions of the scenario's processes.

use super::incident::{Case, SCENARIO};
use crate::compare::ledger::Ledger;

/// Expects one act by the killing role with all its victims.
pub(in crate::compare) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    let kill = case.scenario.expect.user_kills.first().filter(|_| case.scenario.expect.followed);
    let Some(kill) = kill else { return };
    let pid = |role: &String| case.seen.processes.iter().find(|run| run.role == *role).map(|run| run.pid);
    ledger.same(SCENARIO, "followed.0.count", kill.victims.len());
    ledger.same(SCENARIO, "followed.0.left_out", 0);
    ledger.same(SCENARIO, "followed.0.signal", "SIGKILL");
    ledger.same(SCENARIO, "followed.0.method", "signal");
    if let Some(sender) = pid(&kill.killer) {
        ledger.same(SCENARIO, "followed.0.sender_pid", sender);
    }
    ledger.shows(SCENARIO, "followed.0.sender_comm", &kill.killer.as_str().into());
    if let Some(cgroup) = &case.scenario.expect.limit_cgroup {
        ledger.shows(SCENARIO, "followed.0.cgroup", cgroup);
    }
    let mut told: Vec<u64> = (0..kill.victims.len())
        .filter_map(|index| ledger.value(&format!("followed.0.processes.{index}.pid"))?.as_u64())
        .collect();
    let mut expected: Vec<u64> = kill.victims.iter().filter_map(pid).map(u64::from).collect();
    told.sort_unstable();
    expected.sort_unstable();
    if told != expected {
        ledger.write(SCENARIO, "followed.0.processes", &format!("{expected:?}"), &format!("{told:?}"));
    }
}
