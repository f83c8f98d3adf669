//! Answers, and what a process without privileges sees of a report.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use super::{
    asker::Asker,
    kept::{Kept, Reports},
};
use crate::{
    client::{Reply, SCHEMA, Status, Verdict},
    report::Target,
    server::facts::{Dead, Facts},
};

/// Keys of a report that are about the decision and its domain. A process without privileges sees these, with its own victims alone and
/// without the runner-up's process id. All others are null, because they describe other processes and the machine. Some names of others
/// remain: the cause's summary and evidence may name processes, and `domain.chain` names the cgroups from the trigger's own upwards.
const SHOWN: [&str; 15] = [
    "schema",
    "id",
    "time",
    "boot_ns",
    "host",
    "kernel",
    "tier",
    "status",
    "cause",
    "selection",
    "domain",
    "sysctl",
    "marks",
    "empty_passes",
    "victims",
];

/// Answers whether memory killed something, and why.
pub(super) fn why(asker: &Asker, target: &Target, reports: &Reports) -> Reply {
    let mut found: Option<(&Kept, &Dead)> = None;
    let (mut incidents, mut others) = (0, false);
    for report in reports.all() {
        let mut meant = victims(&report.facts, target).peekable();
        others |= meant.peek().is_some();
        if let Some(victim) = meant.find(|victim| asker.owns(victim)) {
            incidents += 1;
            found = Some((report, victim));
        }
    }
    let complete = reports.is_complete();
    match found {
        Some((report, victim)) => Reply {
            schema: SCHEMA,
            status: Status::Found,
            verdict: Some(verdict(&report.facts)),
            incidents,
            complete,
            pid: victim.pid,
            message: None,
            report: shown(asker, report),
        },
        None if others || asker.is_about_others(target) => {
            Reply { complete, ..Reply::plain(Status::Refused, Some(asker.refusal())) }
        }
        None => Reply { complete, ..Reply::plain(Status::None, None) },
    }
}

/// Whether a decision killed something that the question means, and its report is not here yet.
pub(super) fn is_open(target: &Target, reports: &Reports) -> bool {
    reports.still_open().any(|facts| victims(facts, target).next().is_some())
}

/// The killed processes that a question means, the chosen one first.
fn victims<'a>(facts: &'a Facts, target: &'a Target) -> impl Iterator<Item = &'a Dead> {
    let is_meant = |victim: &&Dead| {
        facts.killed && target.fits(victim.pid, victim.place.cgroup.as_ref(), &victim.attribution)
    };
    facts.chosen().into_iter().filter(is_meant).chain(facts.victims.iter().filter(is_meant))
}

fn verdict(facts: &Facts) -> Verdict {
    if facts.is_kernels() { Verdict::OomKill } else { Verdict::UserspaceKill }
}

/// The report as this process may see it; `None` if none of the victims is its own.
pub(super) fn shown(asker: &Asker, report: &Kept) -> Option<Box<RawValue>> {
    if asker.sees_all {
        return serde_json::from_slice(&report.json).ok();
    }
    let owned: Vec<bool> = report.facts.victims.iter().map(|victim| asker.owns(victim)).collect();
    if !owned.contains(&true) {
        return None;
    }
    let whole: BTreeMap<&str, &RawValue> = serde_json::from_slice(&report.json).ok()?;
    let victims = only(whole.get("victims")?, &owned)?;
    let selection = without_runner_up(whole.get("selection")?)?;
    let visible = |key: &str, value| match key {
        "victims" => &*victims,
        "selection" => &*selection,
        _ if SHOWN.contains(&key) => value,
        _ => RawValue::NULL,
    };
    let shown: BTreeMap<&str, &RawValue> =
        whole.into_iter().map(|(key, value)| (key, visible(key, value))).collect();
    to_raw_value(&shown).ok()
}

/// The victims that the process owns. The facts have the victims in the order of the report.
fn only(victims: &RawValue, owned: &[bool]) -> Option<Box<RawValue>> {
    let victims: Vec<&RawValue> = serde_json::from_str(victims.get()).ok()?;
    let own = victims.into_iter().zip(owned).filter(|(_, is_own)| **is_own);
    to_raw_value(&own.map(|(victim, _)| victim).collect::<Vec<&RawValue>>()).ok()
}

/// The selection without the process id of the process that would have been chosen otherwise.
fn without_runner_up(selection: &RawValue) -> Option<Box<RawValue>> {
    let mut keys: BTreeMap<&str, &RawValue> = serde_json::from_str(selection.get()).ok()?;
    if let Some(pid) = keys.get_mut("runner_up_pid") {
        *pid = RawValue::NULL;
    }
    to_raw_value(&keys).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::{super::asker::tests::user, Reply, Reports, Status, Target, why};
    use crate::{
        report::Report,
        server::facts::Facts,
        sink::{json::line, terminal::example},
    };

    fn reports(all: &[Report]) -> Reports {
        let mut kept = Reports::default();
        for report in all {
            let mut json = Vec::new();
            line(&mut json, report).unwrap();
            kept.push(Arc::new(Facts::of(report)), json.into(), 0);
        }
        kept
    }

    /// Two victims of different users.
    fn two() -> Report {
        let mut report = example::memcg_kill();
        report.victims.push(report.victims[0].clone());
        for (index, victim) in report.victims.iter_mut().enumerate() {
            victim.process.uid = Some([1000, 1001][index]);
            victim.process.pid = Some([812, 813][index]);
            victim.process.cgroup = Some("/box".into());
        }
        report
    }

    fn value(reply: &Reply) -> Value {
        serde_json::from_str(reply.report.as_ref().unwrap().get()).unwrap()
    }

    #[test]
    fn root_gets_the_report_as_it_was_written() {
        let report = two();
        let reply =
            why(&user(0, "/"), &Target::of(b"/box"), &reports(&[example::memcg_kill(), report.clone()]));
        assert_eq!((reply.status, reply.incidents, reply.pid), (Status::Found, 1, Some(812)));
        let mut json = Vec::new();
        line(&mut json, &report).unwrap();
        assert_eq!(reply.report.unwrap().get().as_bytes(), json.strip_suffix(b"\n").unwrap());
    }

    #[test]
    fn a_user_sees_its_own_victim_and_nothing_of_others() {
        let reply = why(&user(1001, "/"), &Target::of(b"/box"), &reports(&[two()]));
        assert_eq!((reply.status, reply.pid), (Status::Found, Some(813)));
        let shown = value(&reply);
        assert_eq!(shown["victims"].as_array().unwrap().len(), 1);
        assert_eq!(shown["victims"][0]["pid"], 813);
        for hidden in ["trigger", "candidates", "account", "machine", "lead_up", "followed", "allocation"] {
            assert_eq!(shown[hidden], Value::Null, "{hidden}");
        }
        let selection = &shown["selection"];
        assert_eq!(selection["margin_points"], 5_943);
        assert_eq!(selection["runner_up_pid"], Value::Null);
        assert!(!shown["cause"]["summary"].as_str().unwrap().is_empty());
    }

    #[test]
    fn refuses_about_others_and_answers_about_nothing() {
        let reports = reports(&[two()]);
        let status = |uid, target: &str| {
            why(&user(uid, "/x.service"), &Target::of(target.as_bytes()), &reports).status
        };
        assert_eq!(status(7, "812"), Status::Refused);
        assert_eq!(status(1001, "812"), Status::Refused);
        assert_eq!(status(7, "/box"), Status::Refused);
        assert_eq!(status(1001, "813"), Status::Found);
        assert_eq!(status(7, "x.service"), Status::None);
        assert_eq!(status(0, "814"), Status::None);
    }
}
