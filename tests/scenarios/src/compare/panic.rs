//! A guest that is to go down in a panic: its console is the kernel's log, and what it sent before is all there is.

use super::{Disagreement, ground};
use crate::job::Tier;
use crate::observation::Observation;
use crate::scenario::Scenario;
use crate::witness::{self, Incident};

/// How the kernel says that it gives up (`vpanic`, <https://github.com/torvalds/linux/blob/v6.12/kernel/panic.c#L288>).
const PANIC: &str = "Kernel panic - not syncing: ";
/// How a report begins.
const REPORT: &str = "{\"schema\"";

/// What came of a guest that was to panic.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// What it sent: once, when everything was in place.
    pub sent: &'a [Observation],
    /// Its console, the tracer's reports among it.
    pub console: &'a str,
    /// Whether it hung, and had to be ended.
    pub hung: bool,
}

/// Compare the end of a guest with the panic that the scenario tells of.
#[must_use]
pub fn judge_panic(scenario: &Scenario, ending: &Ending<'_>, tier: Option<Tier>) -> Vec<Disagreement> {
    let mut found = armed(ending, tier);
    found.extend(end(scenario, ending));
    found.extend(decision(scenario, &witness::read(&records(ending.console))));
    found.extend(reports(ending));
    found
}

/// It got as far as to be ready, with the tracer armed, and no further.
fn armed(ending: &Ending<'_>, tier: Option<Tier>) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let [seen] = ending.sent else {
        let times = format!("{} times", ending.sent.len());
        return vec![differ("(outcome) end", "scenario", "the guest spoke once and went down", &times)];
    };
    let is_armed = seen.tracer.as_ref().is_some_and(|run| run.armed_ms.is_some());
    if tier.is_some() != is_armed {
        found.push(differ("tracer", "guest", &format!("armed: {}", tier.is_some()), &is_armed.to_string()));
    }
    found
}

/// It went down by this panic, and by no other one.
fn end(scenario: &Scenario, ending: &Ending<'_>) -> Option<Disagreement> {
    let words = scenario.expect.panic.as_deref().unwrap_or_default();
    let lines = lines(ending.console).into_iter();
    let said: Vec<&str> = lines.filter_map(|line| Some(line.split_once(PANIC)?.1)).collect();
    let as_expected = said == [words] && !ending.hung;
    let happened = if ending.hung { format!("it hung after {said:?}") } else { format!("{said:?}") };
    (!as_expected).then(|| differ("(outcome) panic", "console", &format!("{words:?}, once"), &happened))
}

/// One decision by the trigger that the scenario names, of its domain, and nobody killed.
fn decision(scenario: &Scenario, log: &[Incident]) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let kills: usize = log.iter().map(|incident| incident.kill_lines).sum();
    if kills != 0 {
        found.push(differ("(outcome) kills", "console", "none before a panic", &kills.to_string()));
    }
    let invoked: Vec<String> =
        log.iter().filter_map(|incident| Some(incident.invoked.as_ref()?.comm.to_string())).collect();
    let by: Vec<String> = scenario
        .processes
        .iter()
        .filter(|process| scenario.expect.trigger.contains(&process.role))
        .map(|process| process.kernel_comm().to_string())
        .collect();
    if invoked != by {
        found.push(differ("(outcome) trigger", "console", &format!("{by:?}"), &format!("{invoked:?}")));
    }
    if log.iter().any(|incident| ground::cause(incident).is_some()) {
        found.push(differ("(outcome) victim", "console", "nobody chosen", "an `oom-kill:` line"));
    }
    found
}

/// Nothing was killed, and nothing was told.
fn reports(ending: &Ending<'_>) -> Option<Disagreement> {
    let told = ending.console.lines().find(|line| line.contains(REPORT))?;
    Some(differ("report", "console", "nobody killed", told))
}

/// The console's lines, each once: the kernel repeats the one that a panic cut short.
fn lines(console: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    for line in console.lines().map(str::trim_end) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// The console's lines as records of `/dev/kmsg`: on it each has its time before it instead.
fn records(console: &str) -> Vec<String> {
    let message = |line: &str| {
        let (time, message) = line.strip_prefix('[')?.split_once("] ")?;
        time.trim().parse::<f64>().ok()?;
        Some(format!("4,0,0,-;{message}"))
    };
    lines(console).into_iter().filter_map(message).collect()
}

fn differ(field: &str, witness: &'static str, says: &str, report: &str) -> Disagreement {
    Disagreement { field: field.to_owned(), witness, says: says.to_owned(), report: report.to_owned() }
}
