//! Checks that the kernel did what was predicted. The witnesses are its log and the exit statuses. The tracer's reports of the
//! second run are not used.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Experiment;
use crate::observation::{ExperimentRun, Observation, Status};
use crate::witness;

const SIGKILL: i32 = 9;

/// The errors of an experiment's run. Empty if the prediction came true.
#[must_use]
pub fn judge(experiment: &Experiment, run: &ExperimentRun) -> Vec<String> {
    let mut wrong: Vec<String> = [&run.recorded, &run.again]
        .into_iter()
        .flat_map(|seen| seen.failure.clone().or_else(|| seen.not_applicable.clone()))
        .chain(run.answer.failure.clone())
        .collect();
    if run.answer.status != Some(Status::Code(0)) {
        let said = run.answer.stderr.to_chars();
        wrong.push(format!("whatif exited with {:?} and printed: {said}", run.answer.status));
    }
    if wrong.is_empty() {
        match serde_json::from_str::<Value>(&run.answer.stdout.to_chars()) {
            Ok(answer) => wrong.extend(compare(experiment, run, &answer)),
            Err(error) => wrong.push(format!("the answer is not JSON: {error}")),
        }
    }
    wrong
}

fn compare(experiment: &Experiment, run: &ExperimentRun, answer: &Value) -> Vec<String> {
    let said = |side: &str| roles(&run.recorded, answer, side);
    let pairs = [
        ("as it was", said("before"), decisions(&run.recorded).next().unwrap_or_default()),
        ("as it would be", said("after"), decisions(&run.again).next().unwrap_or_default()),
    ];
    let mut wrong: Vec<String> = pairs
        .into_iter()
        .filter(|(_, predicted, killed)| predicted != killed)
        .map(|(side, predicted, killed)| {
            format!("the decision {side}: whatif says {predicted:?}, the kernel killed {killed:?}")
        })
        .collect();
    if said("before") == said("after") {
        wrong.push("the change changes nothing, so the experiment shows nothing".to_owned());
    }
    let dead = by_signal(&run.again);
    wrong.extend(
        said("after").difference(&dead).map(|role| format!("{role} was predicted to die and survived")),
    );
    let happens = answer.pointer("/after/happens").and_then(Value::as_bool);
    if happens == Some(dead.is_empty()) {
        wrong.push(format!(
            "whatif says that memory runs out: {happens:?}; killed in the second run: {dead:?}"
        ));
    }
    // A prediction covers one decision. From 6.19 on, the pages of its victim may still be charged at the next decision.
    let mut allowed: BTreeSet<String> = decisions(&run.again).skip(1).flatten().collect();
    allowed.extend(experiment.again.expect.ends.iter().cloned());
    wrong.extend(
        dead.difference(&allowed).map(|role| format!("{role} was killed and was predicted to survive")),
    );
    wrong
}

/// The roles of the victims in the answer. A process without a role keeps its pid.
fn roles(seen: &Observation, answer: &Value, side: &str) -> BTreeSet<String> {
    let victims = answer.pointer(&format!("/{side}/victims")).and_then(Value::as_array);
    let pids = victims.into_iter().flatten().filter_map(|victim| victim.get("pid")?.as_u64());
    pids.map(|pid| role(seen, pid)).collect()
}

/// The roles that each decision in the log killed.
fn decisions(seen: &Observation) -> impl Iterator<Item = BTreeSet<String>> {
    let decided = witness::read(&seen.log).into_iter().filter(|incident| !incident.kills.is_empty());
    decided.map(|incident| incident.kills.iter().map(|kill| role(seen, u64::from(kill.pid))).collect())
}

fn role(seen: &Observation, pid: u64) -> String {
    let of_pid = seen.processes.iter().find(|process| u64::from(process.pid) == pid);
    of_pid.map_or_else(|| format!("pid {pid}"), |process| process.role.clone())
}

/// The roles that ended by SIGKILL.
fn by_signal(seen: &Observation) -> BTreeSet<String> {
    let killed = seen.processes.iter().filter(|process| process.status == Some(Status::Signal(SIGKILL)));
    killed.map(|process| process.role.clone()).collect()
}
