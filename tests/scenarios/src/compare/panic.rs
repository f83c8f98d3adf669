//! Checks a guest that must panic. Its console is the kernel's log, and only data sent before the panic exists.

use super::{Disagreement, ground};
use crate::job::Tier;
use crate::observation::Observation;
use crate::scenario::Scenario;
use crate::witness::{self, Incident};

/// The kernel's message when it panics (`vpanic`, <https://github.com/torvalds/linux/blob/v6.12/kernel/panic.c#L288>).
const PANIC: &str = "Kernel panic - not syncing: ";
/// The beginning of a report.
const REPORT: &str = "{\"schema\"";

/// The end of a guest that must panic.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// The observations that it sent: one, when everything was in place.
    pub sent: &'a [Observation],
    /// Its console, including the tracer's reports.
    pub console: &'a str,
    /// Whether it hung and the host had to kill it.
    pub hung: bool,
}

/// Compares the end of a guest with the panic that the scenario expects.
#[must_use]
pub fn judge_panic(scenario: &Scenario, ending: &Ending<'_>, tier: Option<Tier>) -> Vec<Disagreement> {
    let mut found = armed(ending, tier);
    found.extend(end(scenario, ending));
    found.extend(decision(scenario, &witness::read(&records(ending.console))));
    found.extend(reports(ending));
    found
}

/// Checks that the guest became ready with the tracer armed, and sent nothing after that.
fn armed(ending: &Ending<'_>, tier: Option<Tier>) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let [seen] = ending.sent else {
        let times = format!("{} times", ending.sent.len());
        return vec![differ(
            "(outcome) end",
            "scenario",
            "the guest sent one observation and went down",
            &times,
        )];
    };
    let is_armed = seen.tracer.as_ref().is_some_and(|run| run.armed_ms.is_some());
    if tier.is_some() != is_armed {
        found.push(differ("tracer", "guest", &format!("armed: {}", tier.is_some()), &is_armed.to_string()));
    }
    found
}

/// Checks that it went down with exactly this panic.
fn end(scenario: &Scenario, ending: &Ending<'_>) -> Option<Disagreement> {
    let words = scenario.expect.panic.as_deref().unwrap_or_default();
    let lines = lines(ending.console).into_iter();
    let said: Vec<&str> = lines.filter_map(|line| Some(line.split_once(PANIC)?.1)).collect();
    let as_expected = said == [words] && !ending.hung;
    let happened = if ending.hung { format!("it hung after {said:?}") } else { format!("{said:?}") };
    (!as_expected).then(|| differ("(outcome) panic", "console", &format!("{words:?}, once"), &happened))
}

/// Checks for one decision by the expected trigger about the expected domain, without a kill.
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

/// Checks that there was no kill and no report.
fn reports(ending: &Ending<'_>) -> Option<Disagreement> {
    let told = ending.console.lines().find(|line| line.contains(REPORT))?;
    Some(differ("report", "console", "nobody killed", told))
}

/// The lines of the console without repetition: the kernel repeats the line that a panic interrupted.
fn lines(console: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    for line in console.lines().map(str::trim_end) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// The console's lines as records of `/dev/kmsg`. The console has the time at the beginning of each line instead.
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
