//! A tracer in a pid namespace below the machine's, as in a container without the host's: the ids that the kernel tells are other processes' there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::kills::escaped;
use super::tracer::at;
use crate::scratch::Scratch;

/// Inside: a process with the id that the victim has outside, then the command. `ns_last_pid` is of the namespace alone.
const INSIDE: &str = "echo $(($1 - 1)) > /proc/sys/kernel/ns_last_pid; sleep 1000 & test $! = $1 || echo \"no process $1\"; shift; exec \"$@\"";

/// A victim outside is not taken for the process inside that has its id.
pub(super) fn no_mistake(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-namespace", 4 << 20)?;
    let mut victim = waiting_hog(local, &scratch)?;
    let pid = victim.id().to_string();
    let tracer = local.program("oomtrace").display().to_string();
    let mut tracer = inside(&[INSIDE, "sh", &pid, &tracer, "watch", "--format", "json"])?;
    let report = first_report(&mut tracer, &mut victim);
    // Whatever came of it, nobody stays.
    tracer.kill().context("ending the tracer")?;
    tracer.wait().context("waiting for the tracer")?;
    let report = report?;
    ensure!(at(&report, "/victims/0/pid") == victim.id(), "another victim: {report}");
    for place in ["/victims/0/cmdline", "/victims/0/exe", "/trigger/cmdline", "/trigger/exe"] {
        ensure!(at(&report, place).is_null(), "{place} is somebody else's: {report}");
    }
    Ok(())
}

/// The demo knows its own victim there, too.
pub(super) fn demo(local: &Local) -> Result<()> {
    let tracer = local.program("oomtrace").display().to_string();
    let output = inside(&["exec \"$@\"", "sh", &tracer, "demo", "--format", "json"])?;
    let output = output.wait_with_output().context("waiting for the demo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the demo ended with {}: {said}", output.status);
    let report: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("no report: {said}"))?;
    ensure!(at(&report, "/victims/0/pid").is_u64(), "no victim: {report}");
    Ok(())
}

/// A hog that takes no memory yet.
fn waiting_hog(local: &Local, scratch: &Scratch) -> Result<Child> {
    let mut hog = Command::new(local.program("hog"));
    hog.args(["--wait", "--cgroup"]).arg(escaped(&scratch.path)).args(["anon", "--mib", "64"]);
    hog.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("starting a hog")
}

/// A shell in a pid namespace of its own, with a procfs of its own, that goes when `unshare` does.
fn inside(arguments: &[&str]) -> Result<Child> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]).args(arguments);
    unshare.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    unshare.spawn().context("starting unshare")
}

/// Waits until the tracer is armed, has the victim killed, and takes the report of it.
fn first_report(tracer: &mut Child, victim: &mut Child) -> Result<Value> {
    let mut said = String::new();
    let mut stderr = BufReader::new(tracer.stderr.take().context("no stderr")?);
    stderr.read_line(&mut said).context("reading oomtrace's stderr")?;
    ensure!(said.contains("armed") && said.contains("pid namespace"), "not armed, or without a word: {said}");
    victim.stdin.take().context("no stdin")?.write_all(b"go\n").context("giving the hog the word")?;
    victim.wait().context("waiting for the hog")?;
    let mut line = String::new();
    let mut stdout = BufReader::new(tracer.stdout.take().context("no stdout")?);
    stdout.read_line(&mut line).context("reading the report")?;
    serde_json::from_str(&line).with_context(|| format!("no report: {line}"))
}
