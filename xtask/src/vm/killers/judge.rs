//! The expected report of each act in the guest. Every act must have one report, and no other report may exist.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// What the guest noted besides the reports: process ids, systemd's results, and exit statuses of `why`.
pub(super) struct Facts(BTreeMap<String, String>);

impl Facts {
    /// Parses lines of `NAME=VALUE`.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    fn text(&self, name: &str) -> Result<&str> {
        self.0.get(name).map(String::as_str).with_context(|| format!("the guest did not note {name}"))
    }

    fn number(&self, name: &str) -> Result<i64> {
        let text = self.text(name)?;
        text.parse().with_context(|| format!("{name} is '{text}', not a number"))
    }
}

/// The expected values in one report, by their place.
type Expected = Vec<(&'static str, Value)>;

/// A kill that must be reported. The victim has its name.
struct Act {
    name: &'static str,
    expected: fn(&Facts) -> Result<Expected>,
}

/// Processes of a service besides the victim: a shell and three that sleep.
const OTHERS: usize = 4;

const ACTS: [Act; 7] = [
    Act { name: "stop", expected: |_| Ok(stopped("/system.slice/stop.service")) },
    Act { name: "group", expected: |_| Ok(killed_as_group()) },
    Act { name: "continue", expected: |_| Ok(went_on()) },
    Act { name: "stop-hard", expected: |_| Ok(stopped("/system.slice/stop-hard.service")) },
    Act { name: "early-term", expected: told_to_exit },
    Act { name: "early-kill", expected: killed_by_earlyoom },
    Act { name: "pressed", expected: by_oomd },
];

/// Units whose end is not reported, and what `why` says about it.
const ORDINARY: [(&str, &str); 2] =
    [("stubborn", "a timeout of systemd ended"), ("plain", "ended by signal 9")];

/// Units that systemd ended with `oom-kill`.
const OOM_KILLED: [&str; 3] = ["stop", "group", "stop-hard"];

/// Judges the reports, one per line. `file` returns a file of the guest, such as the answer of `why`. Returns a row for each act.
pub(super) fn judge(reports: &str, facts: &Facts, file: &dyn Fn(&str) -> String) -> Result<Vec<String>> {
    let reports: Vec<Value> = reports.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut wrong = Vec::new();
    let mut rows = Vec::new();
    for act in &ACTS {
        match one(act, &reports, facts, file) {
            Ok(row) => rows.push(row),
            Err(error) => wrong.push(format!("{}: {error:#}", act.name)),
        }
    }
    for report in &reports {
        let name = at(report, "/victims/0/comm");
        if ACTS.iter().all(|act| name != act.name) {
            wrong.push(format!("an unexpected report: {}", at(report, "/cause/summary")));
        }
    }
    for (name, how) in ORDINARY {
        match ordinary(name, how, facts, file) {
            Ok(row) => rows.push(row),
            Err(error) => wrong.push(format!("{name}: {error:#}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(rows)
}

/// Checks the only report of an act, and the answer of `why` about its unit. Returns a row.
fn one(act: &Act, reports: &[Value], facts: &Facts, file: &dyn Fn(&str) -> String) -> Result<String> {
    let is_it = |report: &&Value| at(report, "/victims/0/comm") == act.name;
    let found: Vec<&Value> = reports.iter().filter(is_it).collect();
    let [report] = found.as_slice() else { anyhow::bail!("{} reports, not 1", found.len()) };
    for (place, wanted) in (act.expected)(facts)? {
        let said = at(report, place);
        ensure!(*said == wanted, "{place} is {said}, not {wanted}");
    }
    if act.name == "group" {
        is_whole_group(report)?;
    }
    let listed = at(report, "/victims").as_array().map_or(0, Vec::len);
    let count = at(report, "/sent/count").as_u64().unwrap_or(u64::try_from(listed)?);
    ensure!(u64::try_from(listed)? == count, "{listed} victims are listed, and {count} were killed");
    let status = facts.number(&format!("{}.unit_status", act.name))?;
    let answer = file(&format!("{}.unit", act.name));
    ensure!(status == 0, "`why` about the unit ended with {status}: {answer}");
    if OOM_KILLED.contains(&act.name) {
        let result = facts.text(&format!("{}.result", act.name))?;
        ensure!(result == "oom-kill", "systemd's own result is {result}");
    }
    Ok(format!("{:<10} {}", act.name, at(report, "/cause/summary").as_str().unwrap_or_default()))
}

/// Checks that `why` knows no kill for memory. The number of reports is checked elsewhere.
fn ordinary(name: &str, how: &str, facts: &Facts, file: &dyn Fn(&str) -> String) -> Result<String> {
    let status = facts.number(&format!("{name}.unit_status"))?;
    let answer = file(&format!("{name}.unit"));
    ensure!(status == 7, "`why` about the unit ended with {status}: {answer}");
    ensure!(answer.contains(how), "`why` does not say '{how}': {answer}");
    Ok(format!("{name:<10} not reported"))
}

/// The kernel killed one process for the limit of the service, and systemd sent SIGTERM to all others.
fn stopped(cgroup: &str) -> Expected {
    vec![
        ("/cause/code", json!("memcg_limit")),
        ("/domain/cgroup", json!(cgroup)),
        ("/selection/outcome", json!("killed")),
        ("/victims/1", Value::Null),
        ("/followed/0/signal", json!("SIGTERM")),
        ("/followed/0/method", json!("signal")),
        ("/followed/0/sender_pid", json!(1)),
        ("/followed/0/sender_comm", json!("systemd")),
        ("/followed/0/sender_cgroup", json!("/init.scope")),
        ("/followed/0/cgroup", json!(cgroup)),
        ("/followed/0/count", json!(OTHERS)),
        ("/followed/0/left_out", json!(0)),
        ("/followed/1", Value::Null),
        ("/status/complete", json!(true)),
    ]
}

/// The kernel killed all processes of the service at once.
fn killed_as_group() -> Expected {
    vec![
        ("/cause/code", json!("memcg_limit")),
        ("/domain/cgroup", json!("/system.slice/group.service")),
        ("/selection/policy", json!("oom_group")),
        ("/selection/outcome", json!("group_killed")),
        ("/victims/1/role", json!("group")),
        ("/status/complete", json!(true)),
    ]
}

/// Checks that a kill of the whole service names each of its processes. systemd sees that the first one is dead and sends SIGKILL
/// to the others, while the kernel still does so.
fn is_whole_group(report: &Value) -> Result<()> {
    let rows = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut pids: BTreeSet<i64> =
        rows(at(report, "/victims")).iter().filter_map(|victim| at(victim, "/pid").as_i64()).collect();
    for act in rows(at(report, "/followed")) {
        let by_systemd = at(&act, "/sender_comm") == "systemd" && at(&act, "/signal") == "SIGKILL";
        ensure!(by_systemd, "another process followed: {act}");
        for pid in rows(at(&act, "/processes")).iter().filter_map(|process| at(process, "/pid").as_i64()) {
            ensure!(pids.insert(pid), "process {pid} is counted twice: {act}");
        }
    }
    ensure!(pids.len() == OTHERS + 1, "{} processes are named, not {}", pids.len(), OTHERS + 1);
    Ok(())
}

/// The kernel killed one process, and no other process was stopped.
fn went_on() -> Expected {
    vec![
        ("/cause/code", json!("memcg_limit")),
        ("/domain/cgroup", json!("/system.slice/continue.service")),
        ("/selection/outcome", json!("killed")),
        ("/victims/1", Value::Null),
        ("/followed", json!([])),
        ("/status/complete", json!(true)),
    ]
}

/// The process exits at SIGTERM.
fn told_to_exit(facts: &Facts) -> Result<Expected> {
    let sigterm = vec![
        ("/victims/0/pid", json!(facts.number("early-term.pid")?)),
        ("/victims/0/unit", json!("early-term.service")),
        ("/victims/0/aftermath/sigkill_ns", Value::Null),
        ("/sent/signal", json!("SIGTERM")),
    ];
    Ok([by_earlyoom(facts)?, sigterm].concat())
}

/// The process ignores SIGTERM, so the kernel does not deliver it, and only SIGKILL counts.
fn killed_by_earlyoom(facts: &Facts) -> Result<Expected> {
    let victim = vec![
        ("/victims/0/pid", json!(facts.number("early-kill.pid")?)),
        ("/victims/0/unit", json!("early-kill.service")),
        ("/sent/signal", json!("SIGKILL")),
    ];
    Ok([by_earlyoom(facts)?, victim].concat())
}

/// `killed` requires that SIGKILL or the exit was seen.
fn by_earlyoom(facts: &Facts) -> Result<Expected> {
    Ok(vec![
        ("/cause/code", json!("userspace")),
        ("/cause/confidence", json!("observed")),
        ("/trigger/comm", json!("earlyoom")),
        ("/trigger/pid", json!(facts.number("earlyoom.pid")?)),
        ("/trigger/unit", json!("earlyoom.service")),
        ("/domain/kind", json!("system")),
        ("/selection/outcome", json!("killed")),
        ("/sent/method", json!("signal")),
        ("/sent/count", json!(1)),
        ("/followed", json!([])),
        ("/status/complete", json!(true)),
    ])
}

/// The count is that of `cgroup.procs` before the kill. If this systemd-oomd can announce a kill, it has, and the announcement lists the
/// processes, which were all alive.
fn by_oomd(facts: &Facts) -> Result<Expected> {
    let count = facts.number("pressed.count")?;
    let announcement = if facts.number("systemd-oomd.announces")? > 0 {
        vec![
            ("/prekill/cgroup", json!("/pressed.slice/pressed.service")),
            ("/prekill/pid", json!(facts.number("systemd-oomd.pid")?)),
            ("/prekill/snapshot/processes_total", json!(count)),
            ("/prekill/snapshot/processes/0/pid", json!(facts.number("pressed.pid")?)),
            ("/prekill/snapshot/processes/0/comm", json!("pressed")),
        ]
    } else {
        vec![("/prekill", Value::Null)]
    };
    let killed = vec![
        ("/cause/code", json!("userspace")),
        ("/cause/confidence", json!("observed")),
        ("/trigger/comm", json!("systemd-oomd")),
        ("/trigger/pid", json!(facts.number("systemd-oomd.pid")?)),
        ("/trigger/unit", json!("systemd-oomd.service")),
        ("/victims/0/pid", json!(facts.number("pressed.pid")?)),
        ("/victims/0/unit", json!("pressed.service")),
        ("/domain/cgroup", json!("/pressed.slice/pressed.service")),
        ("/sent/count", json!(count)),
        ("/sent/left_out", json!(0)),
        ("/followed", json!([])),
        ("/status/complete", json!(true)),
    ];
    Ok([killed, announcement].concat())
}

fn at<'a>(value: &'a Value, place: &str) -> &'a Value {
    value.pointer(place).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ACTS, Facts, at, judge};

    const FACTS: &str = "early-term.unit_status=0\nearly-term.pid=302\nstubborn.unit_status=7\nplain.unit_status=7\nstop.unit_status=0\nstop.result=oom-kill\n\
                         group.unit_status=0\ngroup.result=oom-kill\ncontinue.unit_status=0\nstop-hard.unit_status=0\n\
                         stop-hard.result=oom-kill\nearlyoom.pid=300\nearly-kill.pid=301\nearly-kill.unit_status=0\n\
                         systemd-oomd.pid=400\npressed.pid=401\npressed.unit_status=0\npressed.count=2\nsystemd-oomd.announces=0\n";

    fn answer(name: &str) -> String {
        let how = if name == "stubborn.unit" { "a timeout of systemd ended it" } else { "ended by signal 9" };
        format!("the running tracer knows no OOM kill of it; no: {how}")
    }

    /// The smallest report that has the expected values of an act.
    fn report(name: &str) -> Value {
        let facts = Facts::parse(FACTS);
        let act = ACTS.iter().find(|act| act.name == name).unwrap();
        let mut report = json!({"victims": [{"comm": name}], "followed": []});
        for (place, value) in (act.expected)(&facts).unwrap() {
            if !value.is_null() {
                set(&mut report, place, value);
            }
        }
        let victims = at(&report, "/victims").as_array().unwrap().len();
        if name == "group" {
            for number in 0..=super::OTHERS {
                set(&mut report, &format!("/victims/{number}/pid"), json!(number));
            }
        }
        let missing = usize::try_from(at(&report, "/sent/count").as_u64().unwrap_or(0)).unwrap();
        for number in victims..missing {
            set(&mut report, &format!("/victims/{number}/comm"), json!("sleep"));
        }
        report
    }

    fn set(report: &mut Value, place: &str, value: Value) {
        let mut here = report;
        for step in place.split('/').skip(1) {
            here = match step.parse::<usize>() {
                Ok(index) => {
                    if !here.is_array() {
                        *here = json!([]);
                    }
                    let rows = here.as_array_mut().unwrap();
                    rows.resize(rows.len().max(index + 1), json!({}));
                    &mut rows[index]
                }
                Err(_) => &mut here[step],
            };
        }
        *here = value;
    }

    fn judged(reports: &[Value], facts: &str) -> Result<Vec<String>, String> {
        let lines: Vec<String> = reports.iter().map(Value::to_string).collect();
        judge(&lines.join("\n"), &Facts::parse(facts), &answer).map_err(|error| format!("{error:#}"))
    }

    fn all() -> Vec<Value> {
        ACTS.iter().map(|act| report(act.name)).collect()
    }

    #[test]
    fn accepts_the_expected_reports() {
        assert_eq!(judged(&all(), FACTS).unwrap().len(), ACTS.len() + super::ORDINARY.len());
    }

    #[test]
    fn rejects_each_wrong_value() {
        for (number, act) in ACTS.iter().enumerate() {
            for (place, _) in (act.expected)(&Facts::parse(FACTS)).unwrap() {
                let mut reports = all();
                set(&mut reports[number], place, json!("something else"));
                let error = judged(&reports, FACTS).unwrap_err();
                assert!(error.contains(act.name), "{place} of {}: {error}", act.name);
            }
        }
    }

    #[test]
    fn rejects_a_missing_a_second_and_an_unexpected_report() {
        let mut reports = all();
        reports.pop();
        assert!(judged(&reports, FACTS).unwrap_err().contains("pressed: 0 reports"));
        let mut reports = all();
        reports.push(report("stop"));
        assert!(judged(&reports, FACTS).unwrap_err().contains("stop: 2 reports"));
        let mut reports = all();
        reports.push(json!({"victims": [{"comm": "sleep"}], "cause": {"summary": "systemd killed sleep"}}));
        assert!(judged(&reports, FACTS).unwrap_err().contains("systemd killed sleep"));
    }

    #[test]
    fn expects_an_announcement_where_systemd_oomd_makes_one() {
        let facts = FACTS.replace("announces=0", "announces=1");
        assert!(judged(&all(), &facts).unwrap_err().contains("pressed: /prekill/cgroup is null"));
        let mut reports = all();
        for (place, value) in (ACTS[6].expected)(&Facts::parse(&facts)).unwrap() {
            set(&mut reports[6], place, value);
        }
        judged(&reports, &facts).unwrap();
        assert!(judged(&reports, FACTS).unwrap_err().contains("pressed: /prekill is"));
    }

    #[test]
    fn rejects_victims_that_are_not_listed() {
        let facts = FACTS.replace("pressed.count=2", "pressed.count=3");
        assert!(judged(&all(), &facts).unwrap_err().contains("pressed: /sent/count is 2, not 3"));
        let mut reports = all();
        reports[6]["victims"].as_array_mut().unwrap().pop();
        assert!(judged(&reports, FACTS).unwrap_err().contains("1 victims are listed, and 2 were killed"));
    }

    #[test]
    fn accepts_systemd_as_the_killer_of_the_rest_of_a_group() {
        let mut reports = all();
        let group = ACTS.iter().position(|act| act.name == "group").unwrap();
        reports[group]["victims"].as_array_mut().unwrap().truncate(3);
        assert!(judged(&reports, FACTS).unwrap_err().contains("3 processes are named, not 5"));
        let row = |sender: &str| json!([{"sender_comm": sender, "signal": "SIGKILL", "processes": [{"pid": 3}, {"pid": 4}]}]);
        reports[group]["followed"] = row("systemd");
        judged(&reports, FACTS).unwrap();
        reports[group]["followed"][0]["processes"] =
            json!([reports[group]["victims"][0], {"pid": 3}, {"pid": 4}]);
        assert!(judged(&reports, FACTS).unwrap_err().contains("is counted twice"));
        reports[group]["followed"] = row("sh");
        assert!(judged(&reports, FACTS).unwrap_err().contains("another process followed"));
    }

    #[test]
    fn rejects_wrong_answers_of_why() {
        let facts = FACTS.replace("plain.unit_status=7", "plain.unit_status=0");
        assert!(judged(&all(), &facts).unwrap_err().contains("plain: `why`"));
        let facts = FACTS.replace("group.unit_status=0", "group.unit_status=7");
        assert!(judged(&all(), &facts).unwrap_err().contains("group: `why`"));
        let facts = FACTS.replace("stop.result=oom-kill", "stop.result=success");
        assert!(judged(&all(), &facts).unwrap_err().contains("stop: systemd's own result"));
        assert!(judged(&all(), "").unwrap_err().contains("the guest did not note"));
    }
}
