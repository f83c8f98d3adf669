//! Measures the time from a kill to its line.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::host::scratch::Scratch;

use super::{
    Bench,
    figures::{Row, Samples},
    tracer::{Line, Tracer},
};

const SIGKILL: i32 = 9;

/// The longest time to wait for a report.
const PATIENCE: Duration = Duration::from_secs(10);

/// The times before a line was read, in ms.
struct Passed {
    since_decision: f64,
    since_exit: Option<f64>,
}

/// Measures, and returns a row for each figure.
pub(super) fn measure(bench: &Bench, kills: u32) -> Result<Vec<Row>> {
    let scratch = bench.scratch("oomtrace-bench-kills")?;
    let tracer = Tracer::start(&bench.oomtrace, None)?;
    let mut all = Vec::new();
    for _ in 0..kills {
        let pid = kill_one(bench, &scratch)?;
        all.push(passed(&tracer, pid)?);
    }
    tracer.end()?;
    let decision = all.iter().map(|passed| passed.since_decision).collect();
    let exit = all.iter().filter_map(|passed| passed.since_exit).collect();
    let tail =
        |samples| Samples::new(samples).map_or_else(|| "not seen".to_owned(), |samples| samples.tail());
    Ok(vec![
        Row::new("decision to line read, median / p99, ms", "0.2 / 1", tail(decision)),
        Row::new("victim's exit to line read, median / p99, ms", "", tail(exit)),
    ])
}

/// Returns the time from each victim's exit to its line, in ms.
pub(super) fn delays(bench: &Bench, tracer: &Tracer, count: u32) -> Result<Vec<f64>> {
    let scratch = bench.scratch("oomtrace-bench-consumers")?;
    tracer.read_first()?;
    let delay = |_| {
        let pid = kill_one(bench, &scratch)?;
        passed(tracer, pid)?.since_exit.context("a report without the victim's exit")
    };
    (0..count).map(delay).collect()
}

/// Lets a hog exceed the limit, checks that it was killed, and returns its process id.
pub(super) fn kill_one(bench: &Bench, scratch: &Scratch) -> Result<u32> {
    let mut hog = Command::new(&bench.hog);
    hog.arg("--cgroup").arg(&scratch.path).args(["anon", "--mib", "16"]);
    let mut child = hog.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("starting a hog")?;
    let status = child.wait().context("waiting for the hog")?;
    ensure!(status.signal() == Some(SIGKILL), "the hog was not killed: {status}");
    Ok(child.id())
}

/// Waits for the report of that victim.
fn passed(tracer: &Tracer, pid: u32) -> Result<Passed> {
    loop {
        let line = tracer.line(PATIENCE).with_context(|| format!("no report of pid {pid}"))?;
        let report = line.report()?;
        if report.pointer("/victims/0/pid").and_then(Value::as_u64) == Some(u64::from(pid)) {
            return passed_before(&line, &report);
        }
    }
}

/// Computes the times from the report. The report's exit time counts from the decision.
fn passed_before(line: &Line, report: &Value) -> Result<Passed> {
    let told = |place| report.pointer(place).and_then(Value::as_u64);
    let decided = told("/boot_ns").context("a report without boot_ns")?;
    let since = |then: u64| Duration::from_nanos(line.arrived_ns.saturating_sub(then)).as_secs_f64() * 1e3;
    let exit = told("/victims/0/aftermath/exit_ns").map(|exit| decided.saturating_add(exit));
    Ok(Passed { since_decision: since(decided), since_exit: exit.map(since) })
}
