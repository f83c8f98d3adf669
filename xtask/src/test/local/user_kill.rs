//! SIGKILL from user space, with and without a shortage.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::kills::escaped;
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

/// The memory of a process and the limit above it, in MiB. The memory is more than nine tenths of the limit.
const HELD_MIB: u64 = 61;
pub(super) const LIMIT_MIB: u64 = 64;

/// The stall (PSI `some avg10`) from which the machine counts as short of memory, with a margin.
const SHORT_PERCENT: f64 = 8.0;

/// Checks that a kill in a full cgroup is reported with its sender, and that a kill without any shortage is not.
pub(super) fn told_apart(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-userspace", LIMIT_MIB << 20)?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    let before = stall_percent()?;
    let plain = kill(holding(local, &[])?)?;
    let stalls = [before, stall_percent()?];
    let full = kill(holding(local, &["--cgroup", &escaped(&scratch.path)])?)?;
    let said = tracer.end("-INT")?;
    let reports = said.reports()?;
    let of = |pid: u32| reports.iter().filter(move |report| at(report, "/victims/0/pid") == pid);
    // Builds and guests beside this test can make the machine itself short of memory. The kill is then reported correctly.
    if stalls.iter().all(|stall| *stall < SHORT_PERCENT) {
        ensure!(
            of(plain).count() == 0,
            "a kill without a shortage was reported at {stalls:?} %: {reports:?}"
        );
    }
    let told: Vec<&Value> = of(full).collect();
    let [report] = told.as_slice() else { anyhow::bail!("{} reports of one kill", told.len()) };
    let expected = [
        ("/cause/code", Value::from("userspace")),
        ("/cause/confidence", Value::from("inferred")),
        ("/domain/kind", Value::from("memcg")),
        ("/domain/cgroup", Value::from("/oomtrace-test-userspace")),
        ("/domain/limit_bytes", Value::from(LIMIT_MIB << 20)),
        ("/selection/policy", Value::Null),
        ("/selection/outcome", Value::from("killed")),
        ("/trigger/comm", Value::from("kill")),
        ("/victims/0/comm", Value::from("hog")),
    ];
    for (place, wanted) in expected {
        let found = at(report, place);
        ensure!(*found == wanted, "{place} is {found}, not {wanted}: {report}");
    }
    Ok(())
}

/// The percentage of the last ten seconds in which a task waited for memory.
fn stall_percent() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/pressure/memory").context("reading /proc/pressure/memory")?;
    let stall = text.split_whitespace().find_map(|word| word.strip_prefix("avg10="));
    stall.and_then(|percent| percent.parse().ok()).context("/proc/pressure/memory has no avg10")
}

/// Starts a hog and waits until it has allocated its memory.
pub(super) fn holding(local: &Local, extra: &[&str]) -> Result<Child> {
    let mut hog = Command::new(local.program("hog"));
    hog.args(extra).args(["--hold", "anon", "--mib", &HELD_MIB.to_string()]);
    let mut child = hog.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting a hog")?;
    let words = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    for word in words {
        if word.context("reading from the hog")? == "holding" {
            return Ok(child);
        }
    }
    anyhow::bail!("the hog did not allocate its memory: {}", child.wait().context("waiting for the hog")?)
}

/// Kills it as a user would. Returns its pid.
fn kill(mut child: Child) -> Result<u32> {
    let pid = child.id();
    let sent = Command::new("kill").args(["-KILL", &pid.to_string()]).status().context("sending SIGKILL")?;
    ensure!(sent.success(), "kill -KILL {pid} failed");
    child.wait().context("waiting for the hog")?;
    Ok(pid)
}
