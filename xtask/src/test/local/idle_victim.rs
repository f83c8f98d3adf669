//! A victim that was not allocating, and a tracer that is stopped until the victim has exited. Nothing can be read from procfs then,
//! so the report has only the facts that the kernel side copied.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::Local;
use super::kills::escaped;
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

const SIGKILL: i32 = 9;

/// The longest time to wait for the stop, ms.
const PATIENCE_MS: u32 = 10_000;

/// Checks that the report has the victim's command line and executable.
pub(super) fn sends_its_facts(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-idle", 32 << 20)?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    let (mut victim, words) = idle(local, &scratch)?;
    tracer.signal("-STOP")?;
    await_stop(tracer.pid())?;
    hog(local, &scratch, &["anon", "--mib", "20"]).0.status().context("running a hog")?;
    let status = victim.wait().context("waiting for the victim")?;
    tracer.signal("-CONT")?;
    let said = tracer.end("-INT")?;
    ensure!(status.signal() == Some(SIGKILL), "the victim was not killed: {status}");
    let reports = said.reports()?;
    let of_victim = |report: &&Value| *at(report, "/victims/0/pid") == victim.id();
    let report = reports.iter().find(of_victim).context("no report of the victim")?;
    let (cmdline, exe) = (at(report, "/victims/0/cmdline"), at(report, "/victims/0/exe"));
    ensure!(*cmdline == Value::from(words), "another command line: {report}");
    let program = fs::canonicalize(local.program("hog")).context("finding the hog")?;
    ensure!(exe.as_str() == program.to_str(), "another executable: {report}");
    ensure!(at(report, "/trigger/cmdline").is_null(), "the trigger had exited: {report}");
    Ok(())
}

/// Checks that only a victim of the OOM killer sends its facts: neither a process that gets SIGKILL from a command, nor one that the
/// kernel kills because the first process of its pid namespace has ended.
pub(super) fn alone_sends_its_facts(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-sent", 32 << 20)?;
    let recording = local.program("sent");
    let path = recording.to_str().context("the scratch directory's path")?;
    let tracer = Tracer::start(local, &["watch", "--format", "json", "--record", path])?;
    let others = [killed_by_command()?, killed_with_its_namespace()?];
    let (mut victim, _) = idle(local, &scratch)?;
    hog(local, &scratch, &["anon", "--mib", "20"]).0.status().context("running a hog")?;
    victim.wait().context("waiting for the victim")?;
    tracer.end("-INT")?;
    let dump = Command::new(local.program("oomtrace")).args(["dump", path]).output().context("dumping")?;
    ensure!(dump.status.success(), "dump exited with {}", dump.status);
    let text = String::from_utf8_lossy(&dump.stdout);
    for kind in ["VictimArguments", "Executable"] {
        let of = |pid: u32| {
            let field = format!("pid={pid}");
            text.lines()
                .filter(|line| line.contains(kind) && line.split(' ').any(|word| word == field))
                .count()
        };
        ensure!(of(victim.id()) == 1, "{} frames {kind} of the victim:\n{text}", of(victim.id()));
        ensure!(others.into_iter().all(|pid| of(pid) == 0), "frames {kind} of {others:?}:\n{text}");
    }
    Ok(())
}

/// Kills a process with a command, and returns its pid.
fn killed_by_command() -> Result<u32> {
    let mut sleeper = Command::new("sleep").arg("1000").spawn().context("starting sleep")?;
    sleeper.kill().context("killing sleep")?;
    let status = sleeper.wait().context("waiting for sleep")?;
    ensure!(status.signal() == Some(SIGKILL), "sleep was not killed: {status}");
    Ok(sleeper.id())
}

/// Lets the kernel kill a process because its pid namespace ends, and returns its pid outside.
fn killed_with_its_namespace() -> Result<u32> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "sh", "-c", "sleep 1000 & echo started; read end"]);
    let mut outer =
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting unshare")?;
    let stdout = outer.stdout.take().context("no stdout")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).context("reading from the namespace")?;
    ensure!(line == "started\n", "the shell in the namespace printed {line:?}");
    let sleeper = child_of(child_of(outer.id())?)?;
    drop(outer.stdin.take());
    outer.wait().context("waiting for the namespace")?;
    Ok(sleeper)
}

/// Returns the only child of a process.
fn child_of(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    text.trim().parse().with_context(|| format!("{path} has {text:?}"))
}

/// Waits until the thread that traces is stopped.
fn await_stop(pid: u32) -> Result<()> {
    let stat = format!("/proc/{pid}/stat");
    for _ in 0..PATIENCE_MS {
        if fs::read_to_string(&stat).with_context(|| format!("reading {stat}"))?.contains(") T ") {
            return Ok(());
        }
        sleep(Duration::from_millis(1));
    }
    bail!("the tracer does not stop")
}

/// Starts the victim, and returns it with its command line.
fn idle(local: &Local, scratch: &Scratch) -> Result<(Child, Vec<String>)> {
    let (mut hog, words) = hog(local, scratch, &["--adj", "1000", "--hold", "anon", "--mib", "16"]);
    let mut victim = hog.stdout(Stdio::piped()).spawn().context("starting the victim")?;
    let stdout = victim.stdout.take().context("no stdout")?;
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    ensure!(lines.any(|line| line == "holding"), "the victim does not have its memory");
    Ok((victim, words))
}

fn hog(local: &Local, scratch: &Scratch, arguments: &[&str]) -> (Command, Vec<String>) {
    let mut hog = Command::new(local.program("hog"));
    hog.arg("--cgroup").arg(escaped(&scratch.path)).args(arguments);
    hog.stdin(Stdio::null()).stdout(Stdio::null());
    let words = std::iter::once(hog.get_program()).chain(hog.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned()).collect();
    (hog, words)
}
