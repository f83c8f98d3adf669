//! The expected names of each kind of kill, and the four places where each must be.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::host::run::output;

/// A kind of container, unit, scope or session. The victim is named `eat-NAME`.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// The name that users see first.
    label: &'static str,
    /// The values in the JSON of the victim.
    facts: &'static [(&'static str, &'static str)],
}

/// All kinds.
pub(super) const KINDS: [Kind; 9] = [
    Kind { name: "unit", label: "eater.service", facts: &[("/unit", "eater.service")] },
    Kind { name: "scope", label: "batch.scope", facts: &[("/unit", "batch.scope")] },
    Kind {
        name: "user_unit",
        label: "leaky.service",
        facts: &[("/unit", "leaky.service"), ("/slice", "app.slice"), ("/user", "alice")],
    },
    Kind { name: "session", label: "of alice", facts: &[("/slice", "user-1000.slice"), ("/user", "alice")] },
    Kind {
        name: "nspawn",
        label: "box",
        facts: &[("/container/runtime", "nspawn"), ("/container/id", "box"), ("/container/name", "box")],
    },
    Kind {
        name: "runc",
        label: "oci shop",
        facts: &[("/container/runtime", "oci"), ("/container/id", "shop")],
    },
    Kind {
        name: "crun",
        label: "oci stall",
        facts: &[("/container/runtime", "oci"), ("/container/id", "stall")],
    },
    Kind {
        name: "podman",
        label: "web",
        facts: &[("/container/runtime", "podman"), ("/container/name", "web")],
    },
    Kind {
        name: "rootless",
        label: "shelf",
        facts: &[("/container/runtime", "podman"), ("/container/name", "shelf")],
    },
];

/// Judges the files of the guest. Returns a row for each kind.
pub(super) fn judge(out: &Path, tracer: &Path) -> Result<Vec<String>> {
    let read = |name: &str| fs::read_to_string(out.join(name)).with_context(|| format!("reading {name}"));
    let (live, lines, recording) = (read("live.json")?, read("live.line")?, out.join("oom.oomtrace"));
    let replay = output(Command::new(tracer).arg("replay").arg(&recording).args(["--format", "json"]))?;
    ensure!(replay == live, "the replay on this machine differs:\n{replay}\nlive:\n{live}");
    let reports: Vec<Value> = live.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let wrong = |kind: &Kind| {
        let judged = report(kind, &reports, out).and_then(|number| {
            line(kind, &lines)?;
            page(kind, tracer, &recording, number)
        });
        judged.err().map(|error| format!("{}: {error:#}", kind.name))
    };
    let wrong: Vec<String> = KINDS.iter().filter_map(wrong).collect();
    ensure!(wrong.is_empty(), "{}\n{lines}", wrong.join("\n"));
    let row = |kind: &Kind| format!("{:<10} {:<14} line, JSON, replay and page", kind.name, kind.label);
    Ok(KINDS.iter().map(row).collect())
}

/// Checks the JSON, and returns the number of the incident.
fn report(kind: &Kind, reports: &[Value], out: &Path) -> Result<usize> {
    let comm = format!("eat-{}", kind.name);
    let is_it = |report: &Value| at(report, "/victims/0/comm") == comm.as_str();
    let number = reports.iter().position(is_it).context("no report")?;
    let victim = at(reports.get(number).context("no report")?, "/victims/0");
    for (place, wanted) in kind.facts {
        let found = at(victim, place);
        ensure!(found == wanted, "{place} is {found}, not {wanted}: {victim}");
    }
    // The engine's own words about the container.
    if let Ok(id) = fs::read_to_string(out.join(format!("{}.id", kind.name))) {
        ensure!(at(victim, "/container/id") == id.trim(), "the identifier is not {id}: {victim}");
    }
    if let Ok(pid) = fs::read_to_string(out.join(format!("{}.pid", kind.name))) {
        let pid: i64 = pid.trim().parse().with_context(|| format!("the engine's pid: {pid}"))?;
        ensure!(*at(victim, "/container/init_pid") == pid, "the init is not {pid}: {victim}");
        ensure!(*at(victim, "/container/lives_on") == true, "lives_on is not true: {victim}");
    }
    Ok(number + 1)
}

fn at<'a>(value: &'a Value, place: &str) -> &'a Value {
    value.pointer(place).unwrap_or(&Value::Null)
}

fn line(kind: &Kind, lines: &str) -> Result<()> {
    let comm = format!("eat-{}", kind.name);
    let line = lines.lines().find(|line| line.contains(&comm)).context("no line")?;
    ensure!(line.contains(kind.label), "the line lacks {}: {line}", kind.label);
    Ok(())
}

fn page(kind: &Kind, tracer: &Path, recording: &Path, number: usize) -> Result<()> {
    let mut show = Command::new(tracer);
    let page = output(show.arg("show").arg(number.to_string()).arg(recording).args(["--html", "-"]))?;
    ensure!(page.contains(&format!("eat-{}", kind.name)), "page {number} is about another kill");
    ensure!(page.contains(kind.label), "the page lacks {}", kind.label);
    Ok(())
}
