//! Processes that die with the init of their pid namespace.

use oomtrace_scenarios::observation::Status;
use oomtrace_scenarios::witness::Incident;
use serde_json::{Value, json};

use crate::fixtures::{Fixture, altered, fixture, found, shown};

/// The victims of the namespace in a correct report.
pub(crate) fn victims(fixture: &Fixture, incident: &Incident) -> Vec<Value> {
    let unlogged = |pid: u32| incident.kills.iter().all(|kill| kill.pid != pid);
    let killed = fixture.seen.processes.iter().filter(|run| run.status == Some(Status::Signal(9)));
    let processes = killed.filter(|run| unlogged(run.pid)).filter_map(|run| {
        let process = fixture.scenario.processes.iter().find(|process| process.role == run.role)?;
        fixture.scenario.init_of(process).is_some().then_some((run.pid, process))
    });
    let victim = |(pid, process): (u32, &oomtrace_scenarios::scenario::Process)| {
        json!({
            "pid": pid,
            "tid": pid,
            "comm": shown(&process.kernel_comm()),
            "cgroup": shown(&process.cgroup_path()),
            "role": "pid_namespace",
            "score": null,
            "aftermath": { "sigkill_ns": 5_000_000 },
        })
    };
    processes.map(victim).collect()
}

#[test]
fn names_each_wrong_field_of_a_namespace_victim() {
    for (pointer, value) in [
        ("/victims/1/comm", json!("pig")),
        ("/victims/1/cgroup", json!("/")),
        ("/victims/1/aftermath/sigkill_ns", Value::Null),
        ("/victims/1/score", json!({ "points": 0 })),
        ("/victims/0/ns_pid", json!(77)),
    ] {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        assert_eq!(altered("7.3-container_init", pointer, value), [field]);
    }
}

#[test]
fn names_missing_and_invented_namespace_victims() {
    let fixture = fixture("5.10-container_init");
    let named = |alter: &dyn Fn(&mut Vec<Value>)| -> Vec<String> {
        let mut reports = fixture.honest();
        alter(reports[0]["victims"].as_array_mut().unwrap());
        found(&fixture, &reports).into_iter().map(|found| found.field).collect()
    };
    assert_eq!(named(&|_| ()), [""; 0]);
    assert_eq!(named(&|victims| drop(victims.pop())), ["victims"]);
    // The log would show a member of the group, or a second chosen process.
    assert_eq!(named(&|victims| victims[1]["role"] = json!("shared_mm")), ["victims"]);
    let outside = fixture.seen.processes.iter().find(|run| run.role == "outside").unwrap().pid;
    let bystander = |victims: &mut Vec<Value>| {
        let mut bystander = victims[1].clone();
        (bystander["pid"], bystander["tid"]) = (json!(outside), json!(outside));
        victims.push(bystander);
    };
    assert_eq!(named(&bystander), ["victims.3.role", "victims"]);
    // The chosen process is in the log and is no consequence of another kill.
    assert_eq!(
        named(&|victims| victims[0]["role"] = json!("pid_namespace"))[..2],
        ["victims.0.role", "victims"]
    );
}

#[test]
fn requires_a_log_line_for_deaths_without_the_init() {
    let mut fixture = fixture("7.3-container_init");
    fixture.scenario.processes.iter_mut().for_each(|process| process.pid_namespace = None);
    let found = oomtrace_scenarios::compare::judge(&fixture.scenario, &fixture.seen, None);
    let named: Vec<String> = found.into_iter().map(|found| found.field).collect();
    assert_eq!(named, ["(outcome) kill of service", "(outcome) kill of idle"]);
}
