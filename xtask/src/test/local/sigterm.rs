//! SIGTERM by a program whose purpose is to kill when memory is short, and by another.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Local;
use super::kills::escaped;
use super::tracer::{Tracer, at};
use super::user_kill::{LIMIT_MIB, holding};
use crate::host::scratch::Scratch;

/// The name of the killer, a shell. The kernel keeps 15 bytes of it.
const KILLER: &str = "killer-of-the-tests";

/// Numbers of the signals.
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

/// Checks that a process that exits is one report, that SIGKILL after SIGTERM is part of it, and that SIGTERM by a program with another
/// name is not reported.
pub(super) fn told_apart(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-sigterm", LIMIT_MIB << 20)?;
    let killer = local.program(KILLER);
    fs::copy("/bin/sh", &killer).context("copying the shell")?;
    let tracer = Tracer::start(local, &["watch", "--format", "json", "--killer", KILLER])?;
    let hog = || holding(local, &["--cgroup", &escaped(&scratch.path)]);
    let pid_of_other = ended(hog()?, Path::new("sh"), "kill -TERM", SIGTERM)?;
    let obeying = ended(hog()?, &killer, "kill -TERM", SIGTERM)?;
    let mut memory = hog()?;
    let stubborn = ended(stubborn(&scratch.path)?, &killer, "kill -TERM $1; sleep 0.5; kill -KILL", SIGKILL);
    memory.kill().and_then(|()| memory.wait()).context("ending the hog")?;
    let stubborn = stubborn?;
    let reports = tracer.end("-INT")?.reports()?;
    let of = |pid: u32| reports.iter().filter(move |report| at(report, "/victims/0/pid") == pid);
    ensure!(of(pid_of_other).count() == 0, "SIGTERM by another program was reported: {reports:?}");
    for (pid, escalated) in [(obeying, false), (stubborn, true)] {
        let told: Vec<&Value> = of(pid).collect();
        let [report] = told.as_slice() else {
            anyhow::bail!("{} reports of one kill: {reports:?}", told.len())
        };
        judge(report, escalated)?;
    }
    Ok(())
}

fn judge(report: &Value, escalated: bool) -> Result<()> {
    let expected = [
        ("/cause/code", json!("userspace")),
        ("/cause/confidence", json!("observed")),
        ("/domain/cgroup", json!("/oomtrace-test-sigterm")),
        ("/selection/outcome", json!("killed")),
        ("/sent/signal", json!("SIGTERM")),
        ("/sent/count", json!(1)),
        ("/trigger/comm", json!(KILLER.get(..15))),
        ("/victims/1", Value::Null),
    ];
    for (place, wanted) in expected {
        let found = at(report, place);
        ensure!(*found == wanted, "{place} is {found}, not {wanted}: {report}");
    }
    let has = |place: &str| at(report, place).is_u64();
    ensure!(has("/victims/0/aftermath/exit_ns"), "the exit is absent: {report}");
    ensure!(has("/victims/0/aftermath/sigkill_ns") == escalated, "SIGKILL: {report}");
    Ok(())
}

/// A shell in the cgroup that handles SIGTERM and goes on.
fn stubborn(cgroup: &Path) -> Result<Child> {
    let script = "echo $$ >\"$0/cgroup.procs\" || exit; trap : TERM; echo ready; while :; do sleep 0.1; done";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(cgroup).stdout(Stdio::piped());
    let mut child = shell.spawn().context("starting a shell")?;
    let mut word = String::new();
    BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut word).context("reading")?;
    ensure!(word == "ready\n", "the shell did not enter the cgroup");
    Ok(child)
}

/// Lets a shell with this name run a command that ends with the process's id, and checks which signal ended it. Returns its pid.
fn ended(mut child: Child, shell: &Path, command: &str, signal: i32) -> Result<u32> {
    let pid = child.id();
    let script = format!("{command} $1; exit");
    let ran = Command::new(shell).args(["-c", &script, "sh", &pid.to_string()]).status();
    ensure!(ran.context("running a shell")?.success(), "`{command} {pid}` failed");
    let status = child.wait().context("waiting for the process")?;
    ensure!(status.signal() == Some(signal), "the process ended with {status}");
    Ok(pid)
}
