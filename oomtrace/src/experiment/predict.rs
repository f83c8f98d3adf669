//! Compares the predictions of `whatif` about one variant, made from the recordings of another, with its outcome.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    knob,
    plan::{Hog, Layout, Plan, Shape, Work},
    run::{Observed, Run},
};
use crate::{
    incident::Incident,
    whatif::{Change, Who, decide_again},
};

/// Predictions of one variant from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prediction {
    /// The variant whose recordings were used.
    pub from: String,
    /// The variant that was predicted.
    pub to: String,
    /// Recordings that gave an answer.
    pub claimed: usize,
    /// Recordings that do not contain the answer, or predict that memory would not have run out at that moment.
    pub refused: usize,
    /// How often each victim was predicted.
    pub victims: BTreeMap<String, usize>,
    /// Answers that can be compared with runs of the other variant: those in which the same process was allocating. A different
    /// trigger makes a different decision, and `vm.oom_kill_allocating_task` kills the trigger.
    pub tested: usize,
    /// Predictions that named the most frequent victim of those runs.
    pub came_true: usize,
}

/// A run with the facts that `whatif` needs.
pub struct Asked<'a> {
    /// The observed victims.
    pub observed: &'a Observed,
    /// Its incidents.
    pub incidents: &'a [Incident],
}

/// Predicts the other variant from every recording of one; `None` if they differ in a way that `whatif` cannot express.
#[must_use]
pub fn predict(
    plan: &Plan,
    (from, to): (usize, usize),
    asked: &[Asked<'_>],
    runs: &[Run],
) -> Option<Prediction> {
    let (one, other) = (plan.variants.get(from)?, plan.variants.get(to)?);
    let (one_layout, other_layout) = (plan.layout(one), plan.layout(other));
    let mut prediction = Prediction {
        from: one.name.clone(),
        to: other.name.clone(),
        claimed: 0,
        refused: 0,
        victims: BTreeMap::new(),
        tested: 0,
        came_true: 0,
    };
    for asked in asked.iter().filter(|asked| asked.observed.variant == from) {
        let changes = changes(&one_layout, &other_layout, asked.observed)?;
        let Some(victim) = predicted(asked, &changes) else {
            prediction.refused += 1;
            continue;
        };
        let trigger = runs.iter().find(|run| run.number == asked.observed.number)?.trigger.as_ref();
        let alike = runs.iter().filter(|run| run.variant == other.name && run.trigger.as_ref() == trigger);
        if let Some(usual) = usual(alike.map(|run| run.victim.as_str())) {
            prediction.tested += 1;
            prediction.came_true += usize::from(usual == victim);
        }
        prediction.claimed += 1;
        *prediction.victims.entry(victim).or_default() += 1;
    }
    Some(prediction)
}

/// The most frequent name; `None` if there is none, or two are equally frequent.
fn usual<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    let most = counts.values().copied().max()?;
    let mut usual = counts.iter().filter(|(_, count)| **count == most);
    let (name, _) = usual.next()?;
    usual.next().is_none().then(|| (*name).to_owned())
}

fn predicted(asked: &Asked<'_>, changes: &[Change]) -> Option<String> {
    let Asked { observed, incidents } = asked;
    let incident = incidents.iter().find(|incident| incident.has_victims())?;
    let answer = decide_again(incident, changes).ok().filter(|answer| answer.after.happens)?;
    let victim = answer.after.victims.first()?;
    Some(observed.name_of(victim.pid, victim.comm.as_ref(), victim.cgroup.as_ref()))
}

/// The difference between two layouts as changes for `whatif`; `None` if `whatif` has no such change.
fn changes(one: &Layout, other: &Layout, observed: &Observed) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    knobs(one, other, &mut changes)?;
    cgroups(one, other, &observed.top, &mut changes)?;
    for (process, wanted) in one.processes.iter().zip(&other.processes) {
        if process.work != wanted.work {
            return None;
        }
        if process.oom_score_adj != wanted.oom_score_adj {
            let who = match &process.work {
                // Its children have its name and its adjustment.
                Work::Hog(Hog { shape: Shape::Forks, .. }) => Who::Comm(process.name.as_str().into()),
                Work::Hog(_) => Who::Pid(pid(observed, &process.name)?),
                Work::Command(_) => return None,
            };
            changes.push(Change::Adj { who, adj: wanted.oom_score_adj });
        }
    }
    (!changes.is_empty()).then_some(changes)
}

fn pid(observed: &Observed, name: &str) -> Option<i32> {
    observed.processes.iter().find(|process| process.name == name)?.pid
}

fn knobs(one: &Layout, other: &Layout, changes: &mut Vec<Change>) -> Option<()> {
    let value = |layout: &Layout, name: &str| {
        layout.knobs.iter().find(|knob| knob.name == name).map(|knob| knob.value.trim().to_owned())
    };
    for setting in one.knobs.iter().chain(&other.knobs) {
        let wanted = value(other, &setting.name);
        if value(one, &setting.name) == wanted {
            continue;
        }
        match (setting.name.as_str(), wanted) {
            ("vm.oom_kill_allocating_task", Some(wanted)) => {
                changes.push(Change::AllocatingTask(wanted != "0"));
            }
            _ => return None,
        }
    }
    Some(())
}

fn cgroups(one: &Layout, other: &Layout, top: &str, changes: &mut Vec<Change>) -> Option<()> {
    for (cgroup, wanted) in one.cgroups.iter().zip(&other.cgroups) {
        let path = format!("{top}/{}", cgroup.path);
        for file in cgroup.files.iter().chain(&wanted.files) {
            let value = |files: &[super::plan::Setting]| {
                files.iter().find(|known| known.name == file.name).map(|known| known.value.clone())
            };
            let wanted = value(&wanted.files);
            if value(&cgroup.files) == wanted {
                continue;
            }
            changes.push(match (file.name.as_str(), wanted?.as_str()) {
                ("memory.max" | "memory.limit_in_bytes", value) => {
                    let bytes = knob::Takes::Size.written(value).ok()?.parse().ok();
                    Change::Limit { cgroup: path.as_str().into(), bytes }
                }
                ("memory.oom.group", value) => {
                    Change::OomGroup { cgroup: path.as_str().into(), on: value.trim() == "1" }
                }
                _ => return None,
            });
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::usual;

    #[test]
    fn finds_no_usual_name_if_two_are_equally_frequent() {
        assert_eq!(usual(["a", "b", "a"].into_iter()).as_deref(), Some("a"));
        assert_eq!(usual(["a", "b"].into_iter()), None);
        assert_eq!(usual([].into_iter()), None);
    }
}
