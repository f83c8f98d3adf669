//! Checks the ground truth without any tracer: the log, the counters and the exit statuses agree with the scenario and with
//! each other. A scenario that does not do what it states proves nothing.

use std::collections::BTreeSet;

use super::{
    Disagreement, marks, no_kill,
    report::{choice, collateral},
};
use crate::observation::{Observation, ProcessRun, Status};
use crate::scenario::{Hierarchy, Scenario};
use crate::witness::{Incident, Message, Row};

/// The comm of the tracer.
const TRACER_COMM: &[u8] = b"oomtrace";
/// SIGKILL.
const KILLED: Status = Status::Signal(9);

pub(super) fn judge(scenario: &Scenario, seen: &Observation, log: &[Incident]) -> Vec<Disagreement> {
    let mut ground = Ground { scenario, seen, log, found: Vec::new() };
    ground.kills();
    ground.statuses();
    ground.counters();
    ground.marked();
    ground.decisions();
    ground.equals();
    ground.bystander_tracer();
    ground.found.extend(choice::judge(log, seen.page_bytes()));
    ground.found.extend(no_kill::ground(scenario, seen, log));
    ground.found
}

/// The process ids of the scenario's processes whose kill must be reported: those that ended by SIGKILL, unless another process
/// sent it without a shortage.
pub(super) fn killed_pids(scenario: &Scenario, seen: &Observation, log: &[Incident]) -> BTreeSet<u32> {
    let untold = scenario.expect.user_kills.iter().filter(|kill| kill.told.is_none());
    let untold: BTreeSet<&String> = untold.flat_map(|kill| &kill.victims).collect();
    let signalled =
        |run: &ProcessRun| scenario.expect.signalled.contains(&run.role) && !is_logged(log, run.pid);
    let silent = |run: &ProcessRun| untold.contains(&run.role) || signalled(run);
    let killed = seen.processes.iter().filter(|run| run.status == Some(KILLED) && !silent(run));
    killed.map(|run| run.pid).collect()
}

/// Whether the log has a line for the kill of this process or of one of its threads.
pub(super) fn is_logged(log: &[Incident], pid: u32) -> bool {
    log.iter().any(|incident| incident.kills.iter().any(|kill| incident.process_of(kill.pid) == pid))
}

/// The processes that died with an incident's victims because they share their memory. The log has no lines for them.
pub(super) fn sharers(scenario: &Scenario, seen: &Observation, incident: &Incident) -> BTreeSet<u32> {
    let logged = |run: &&ProcessRun| is_logged(std::slice::from_ref(incident), run.pid);
    let on_it = || seen.processes.iter().filter(|run| scenario.expect.one_mm.contains(&run.role));
    if on_it().any(|run| logged(&run)) {
        on_it().filter(|run| run.status == Some(KILLED) && !logged(run)).map(|run| run.pid).collect()
    } else {
        BTreeSet::new()
    }
}

/// The cause according to the log.
pub(super) fn cause(incident: &Incident) -> Option<&'static str> {
    let order = incident.invoked.as_ref().map(|invoked| invoked.order);
    match (order, incident.summary.as_ref()?.constraint.as_str()) {
        (Some(-1), _) => Some("sysrq"),
        (_, "CONSTRAINT_MEMCG") => Some("memcg_limit"),
        (_, "CONSTRAINT_CPUSET") => Some("cpuset"),
        (_, "CONSTRAINT_MEMORY_POLICY") => Some("mempolicy"),
        (_, "CONSTRAINT_NONE") => Some("global"),
        _ => None,
    }
}

/// The policy according to the log.
pub(super) fn policy(incident: &Incident) -> Option<&'static str> {
    let first = incident.kills.first()?;
    Some(match (first.message, &incident.group) {
        (_, Some(_)) => "oom_group",
        (Message::AllocatingTask, None) => "allocating_task",
        (Message::OutOfMemory | Message::Memcg, None) => "badness",
    })
}

/// The ancestor of all other processes, which must not be killed.
const INIT: u32 = 1;

struct Ground<'a> {
    scenario: &'a Scenario,
    seen: &'a Observation,
    log: &'a [Incident],
    found: Vec<Disagreement>,
}

impl Ground<'_> {
    /// Checks the number of decisions.
    fn kills(&mut self) {
        let kills = self.log.iter().filter(|incident| !incident.kills.is_empty()).count();
        let (least, most) = self.scenario.expect.kills;
        if !(least..=most).contains(&kills) {
            self.differ("kills", "scenario", &format!("{least} to {most}"), &kills.to_string());
        }
    }

    /// Checks that only allowed processes died, that every required one died, and that the log contains each.
    fn statuses(&mut self) {
        let expect = &self.scenario.expect;
        let killed: Vec<&ProcessRun> =
            self.seen.processes.iter().filter(|run| run.status == Some(KILLED)).collect();
        for role in &expect.certain {
            if killed.iter().all(|run| run.role != *role) {
                self.differ(&format!("status of {role}"), "scenario", "killed", "alive or ended otherwise");
            }
        }
        let (by_user, by_kernel): (Vec<_>, Vec<_>) =
            killed.into_iter().partition(|run| expect.is_killed_by_user(&run.role));
        self.user_kills(&by_user);
        for run in by_kernel {
            let logged = is_logged(self.log, run.pid);
            let signalled = expect.signalled.contains(&run.role) && !logged;
            if !expect.victims.contains(&run.role) && !signalled {
                self.differ(&format!("status of {}", run.role), "scenario", "not killed", "killed");
            }
            let shares = |incident| sharers(self.scenario, self.seen, incident).contains(&run.pid);
            let goes_along = |incident| collateral::goes_with(self.scenario, self.seen, incident, run);
            let has_reason = self.log.iter().any(|incident| shares(incident) || goes_along(incident));
            if !logged && !signalled && !has_reason {
                self.differ(&format!("kill of {}", run.role), "exit status", "killed", "no line in the log");
            }
        }
    }

    /// Checks that user space killed its targets and that the log does not mention them.
    fn user_kills(&mut self, killed: &[&ProcessRun]) {
        let log = self.log;
        let expected = self.scenario.expect.user_kills.iter().flat_map(|kill| &kill.victims);
        for role in expected.filter(|role| killed.iter().all(|run| run.role != **role)) {
            self.differ(
                &format!("status of {role}"),
                "scenario",
                "killed by user space",
                "alive or ended otherwise",
            );
        }
        let is_logged = |run: &&&ProcessRun| {
            log.iter().flat_map(|incident| &incident.kills).any(|kill| kill.pid == run.pid)
        };
        for run in killed.iter().filter(is_logged) {
            self.differ(
                &format!("kill of {}", run.role),
                "kernel log",
                "killed by the kernel",
                "killed by user space",
            );
        }
    }

    /// Checks that the kernel's trace contains every required mark.
    fn marked(&mut self) {
        let seen = self.seen;
        let tids = marks::tids(seen);
        for role in &self.scenario.expect.marked {
            if !seen.processes.iter().any(|run| run.role == *role && tids.contains(&run.pid)) {
                self.differ(
                    &format!("mark of {role}"),
                    "scenario",
                    "marked",
                    &format!("marked were {tids:?}"),
                );
            }
        }
    }

    /// Checks that the kernel's counters grew by one for each `Killed process` line, including repeated ones.
    fn counters(&mut self) {
        let lines: usize = self.log.iter().map(|incident| incident.kill_lines).sum();
        let lines = u64::try_from(lines).unwrap_or(u64::MAX);
        let (before, after) = self.seen.vmstat_oom_kill;
        let grown = after.saturating_sub(before);
        if grown != lines {
            self.differ("/proc/vmstat oom_kill", "kernel log", &lines.to_string(), &grown.to_string());
        }
        // The counter of a v1 group does not include the groups below it.
        let limit = self.scenario.expect.limit_cgroup.as_ref();
        let limit = limit.filter(|_| self.scenario.machine.hierarchy == Hierarchy::V2);
        let Some(counters) = self.seen.cgroups.iter().find(|cgroup| Some(&cgroup.path) == limit) else {
            return;
        };
        let grown = counters.growth("oom_kill");
        if grown != Some(lines) {
            self.differ("memory.events oom_kill", "kernel log", &lines.to_string(), &format!("{grown:?}"));
        }
    }

    /// Checks cause, policy and limit of each full report in the log.
    fn decisions(&mut self) {
        let expect = &self.scenario.expect;
        let pairs = |incident: &Incident| {
            let limit = incident.summary.as_ref().map(|summary| summary.oom_memcg.clone());
            let limit = limit.map(|limit| limit.map_or_else(|| "none".to_owned(), |path| path.to_string()));
            let expected =
                expect.limit_cgroup.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
            [
                ("policy", policy(incident).map(str::to_owned), self.expected_policy(incident)),
                ("cause", cause(incident).map(str::to_owned), log_word(&expect.cause).to_owned()),
                ("limit cgroup", limit, expected),
            ]
        };
        let log = self.log.iter().filter(|incident| !incident.kills.is_empty());
        for (field, says, expected) in log.flat_map(pairs).collect::<Vec<_>>() {
            if says.as_ref().is_some_and(|says| *says != expected) {
                self.differ(field, "scenario", &expected, &says.unwrap_or_default());
            }
        }
    }

    /// The expected policy: badness if the allocating task cannot be killed, as a kernel thread or init (`out_of_memory`,
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c>).
    fn expected_policy(&self, incident: &Incident) -> String {
        let expected = self.scenario.expect.policy.as_str();
        let is_unkillable = incident.trigger_is_kernel_thread || incident.trigger_tid == Some(INIT);
        if expected == "allocating_task" && is_unkillable { "badness" } else { expected }.to_owned()
    }

    /// Checks that the expected number of tasks share the most points, and that the last of them was chosen
    /// (`oom_evaluate_task`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L344>).
    fn equals(&mut self) {
        let expected = self.scenario.expect.equals;
        let first = self.log.iter().find(|incident| incident.summary.is_some());
        let Some((incident, summary)) = first.and_then(|first| Some((first, first.summary.as_ref()?))) else {
            return;
        };
        let total = incident.usage.map_or(self.seen.memory_bytes, |usage| usage.limit_bytes);
        let page_bytes = self.seen.page_bytes();
        let total = total / page_bytes;
        let points = |row: &&Row| row.points(page_bytes, total);
        let most = incident.rows.iter().map(|row| points(&row)).max();
        let equals: Vec<u32> =
            incident.rows.iter().filter(|row| Some(points(row)) == most).map(|row| row.tgid).collect();
        if expected > 0 && equals.len() != expected {
            let report = format!("{equals:?}");
            self.differ("tasks with the most points", "scenario", &expected.to_string(), &report);
        }
        if expected > 0 && equals.last() != Some(&incident.process_of(summary.pid)) {
            let says = format!("the last of {equals:?}");
            self.differ("the chosen one", "task table", &says, &summary.pid.to_string());
        }
    }

    /// Checks that the tracer itself never triggers an OOM: its allocation would kill another process.
    fn bystander_tracer(&mut self) {
        let triggers = self.log.iter().filter_map(|incident| incident.invoked.as_ref());
        let times = triggers.filter(|invoked| invoked.comm.as_bytes() == TRACER_COMM).count();
        if times > 0 {
            self.differ(
                "triggers",
                "kernel log",
                "oomtrace itself invoked the OOM killer",
                &times.to_string(),
            );
        }
    }

    fn differ(&mut self, what: &str, witness: &'static str, says: &str, happened: &str) {
        let field = format!("(outcome) {what}");
        self.found.push(Disagreement { field, witness, says: says.to_owned(), report: happened.to_owned() });
    }
}

/// The log's word for a cause. The log does not distinguish a reached limit from a lowered one, nor the guard of the multi-gen
/// LRU from any other shortage.
pub(super) fn log_word(cause: &str) -> &str {
    match cause {
        "memcg_limit_lowered" => "memcg_limit",
        "mglru" => "global",
        other => other,
    }
}
