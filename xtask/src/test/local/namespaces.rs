//! A tracer in separate namespaces, as in a container. In a pid namespace, the kernel's process ids belong to other processes.
//! In a time namespace, the clocks differ from the kernel's.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Local;
use super::kills::escaped;
use super::tracer::at;
use crate::host::scratch::Scratch;

/// A pid namespace with its own procfs.
const PID: &[&str] = &["--pid", "--mount-proc"];

/// The offset of the time namespace: a day and some hours.
const ADDED: Duration = Duration::from_secs(100_000);

/// The script inside: it starts a process with the id that the victim has outside, then runs the command. `ns_last_pid` affects
/// only the namespace.
const INSIDE: &str = "echo $(($1 - 1)) > /proc/sys/kernel/ns_last_pid; sleep 1000 & test $! = $1 || echo \"no process $1\"; shift; exec \"$@\"";

/// Checks that a victim outside is not confused with the process inside that has its id.
pub(super) fn no_mistake(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-namespace", 4 << 20)?;
    let mut victim = waiting_hog(local, &scratch)?;
    let pid = victim.id().to_string();
    let tracer = local.program("oomtrace").display().to_string();
    let (said, report) =
        first_report(inside(PID, &[INSIDE, "sh", &pid, &tracer, "watch", "--format", "json"])?, &mut victim)?;
    ensure!(said.contains("pid namespace"), "the pid namespace is not mentioned: {said}");
    ensure!(at(&report, "/victims/0/pid") == victim.id(), "another victim: {report}");
    // The victim sends its executable and its command line itself, in any namespace.
    let program = fs::canonicalize(local.program("hog")).context("finding the hog")?;
    for place in ["/victims/0/exe", "/trigger/exe"] {
        let exe = at(&report, place).as_str();
        ensure!(exe == program.to_str(), "{place} belongs to another process: {report}");
    }
    for place in ["/victims/0/cmdline", "/trigger/cmdline"] {
        let own = at(&report, place).pointer("/1").and_then(Value::as_str) == Some("--wait");
        ensure!(own, "{place} is not the victim's own: {report}");
    }
    Ok(())
}

/// Checks that the demo recognizes its own victim there.
pub(super) fn demo(local: &Local) -> Result<()> {
    let tracer = local.program("oomtrace").display().to_string();
    let output = inside(PID, &["exec \"$@\"", "sh", &tracer, "demo", "--format", "json"])?;
    let output = output.wait_with_output().context("waiting for the demo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the demo exited with {}: {said}", output.status);
    let report: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("no report: {said}"))?;
    ensure!(at(&report, "/victims/0/pid").is_u64(), "no victim: {report}");
    Ok(())
}

/// Checks that a report's date is that of the wall clock.
pub(super) fn right_date(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-time", 4 << 20)?;
    let mut victim = waiting_hog(local, &scratch)?;
    let tracer = local.program("oomtrace").display().to_string();
    let added = ADDED.as_secs().to_string();
    let time = ["--time", "--boottime", &added, "--monotonic", &added];
    let before = OffsetDateTime::now_utc();
    let (_, report) = first_report(
        inside(&time, &["exec \"$@\"", "sh", &tracer, "watch", "--format", "json"])?,
        &mut victim,
    )?;
    let told = at(&report, "/time").as_str().context("no time")?;
    let told = OffsetDateTime::parse(told, &Rfc3339).with_context(|| format!("no date: {told}"))?;
    ensure!((before - told).unsigned_abs() < ADDED / 2, "the report says {told}, the time was {before}");
    Ok(())
}

/// A hog that has not allocated memory yet.
fn waiting_hog(local: &Local, scratch: &Scratch) -> Result<Child> {
    let mut hog = Command::new(local.program("hog"));
    hog.args(["--wait", "--cgroup"]).arg(escaped(&scratch.path)).args(["anon", "--mib", "64"]);
    hog.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("starting a hog")
}

/// Starts a shell in separate namespaces, which exits with `unshare`.
fn inside(namespaces: &[&str], arguments: &[&str]) -> Result<Child> {
    let mut unshare = Command::new("unshare");
    unshare.args(namespaces).args(["--fork", "--kill-child", "sh", "-c"]).args(arguments);
    unshare.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    unshare.spawn().context("starting unshare")
}

/// Waits until the tracer is armed, causes the kill and returns the tracer's messages and the report. In any case, it kills the
/// tracer.
fn first_report(mut tracer: Child, victim: &mut Child) -> Result<(String, Value)> {
    let report = await_report(&mut tracer, victim);
    tracer.kill().context("ending the tracer")?;
    tracer.wait().context("waiting for the tracer")?;
    report
}

fn await_report(tracer: &mut Child, victim: &mut Child) -> Result<(String, Value)> {
    let mut said = String::new();
    let mut stderr = BufReader::new(tracer.stderr.take().context("no stderr")?);
    stderr.read_line(&mut said).context("reading oomtrace's stderr")?;
    ensure!(said.contains("armed"), "not armed: {said}");
    victim.stdin.take().context("no stdin")?.write_all(b"go\n").context("starting the hog's allocation")?;
    victim.wait().context("waiting for the hog")?;
    let mut line = String::new();
    let mut stdout = BufReader::new(tracer.stdout.take().context("no stdout")?);
    stdout.read_line(&mut line).context("reading the report")?;
    let report = serde_json::from_str(&line).with_context(|| format!("no report: {line}"))?;
    Ok((said, report))
}
