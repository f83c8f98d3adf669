//! `record --verdict` and `why`: they distinguish an OOM kill from all other ends, even with exit status 137.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::kills::escaped;
use super::tracer::at;
use crate::host::scratch::Scratch;

/// The exit status of a shell after SIGKILL.
const KILLED: i32 = 128 + 9;

/// The exit status of `why` without a matching victim.
const NO: i32 = 7;

/// The number of rounds, so that the result does not depend on luck.
const ROUNDS: usize = 5;

/// One kind of end.
struct Ending {
    command: Vec<String>,
    status: i32,
    verdict: &'static str,
    /// OOM kills of other processes.
    others: u64,
}

/// Runs commands that end in every way.
pub(super) fn told_apart(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-verdict", 4 << 20)?;
    for _ in 0..ROUNDS {
        endings(local, &scratch).iter().try_for_each(|ending| judge(local, ending))?;
    }
    Ok(())
}

fn endings(local: &Local, scratch: &Scratch) -> Vec<Ending> {
    let hog = local.program("hog").display().to_string();
    let cgroup = escaped(&scratch.path);
    let eater = [&hog, "--cgroup", &cgroup, "anon", "--mib", "64"].map(str::to_owned).to_vec();
    let shell = |script: String| ["sh".to_owned(), "-c".to_owned(), script].to_vec();
    let ending = |command, status, verdict, others| Ending { command, status, verdict, others };
    let child_then = |rest: &str| shell(format!("{} ; {rest}", eater.join(" ").replace('\\', "\\\\")));
    vec![
        ending(eater.clone(), KILLED, "oom_kill", 0),
        ending(shell("kill -KILL $$".to_owned()), KILLED, "signal", 0),
        ending(shell("exit 137".to_owned()), KILLED, "exit", 0),
        ending(shell("exit 0".to_owned()), 0, "exit", 0),
        ending(child_then("kill -TERM $$"), 128 + 15, "signal", 1),
        ending(child_then("exit 137"), KILLED, "exit", 1),
    ]
}

fn judge(local: &Local, ending: &Ending) -> Result<()> {
    let (recording, file) = (local.program("verdict.oomtrace"), local.program("verdict.json"));
    for old in [&recording, &file] {
        // It does not exist in the first round.
        let _ = fs::remove_file(old);
    }
    let mut recorder = Command::new(local.program("oomtrace"));
    recorder.args(["record", "-o"]).arg(&recording).arg("--verdict").arg(&file).arg("--");
    recorder.args(&ending.command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = recorder.status().context("starting oomtrace")?;
    let text = fs::read(&file).context("reading the verdict")?;
    let verdict: Value = serde_json::from_slice(&text).context("the verdict is not JSON")?;
    let what = &ending.command;
    ensure!(status.code() == Some(ending.status), "{what:?} exited with {status}: {verdict}");
    ensure!(at(&verdict, "/verdict") == ending.verdict, "{what:?} is not {}: {verdict}", ending.verdict);
    let victim = at(&verdict, "/report/victims/0/pid").as_u64();
    let pid = at(&verdict, "/pid").as_u64().context("no pid")?;
    ensure!(victim == (ending.verdict == "oom_kill").then_some(pid), "{what:?}: {victim:?} of {pid}");
    // Other tests may cause kills at the same time.
    let others = at(&verdict, "/other_kills_total").as_u64();
    ensure!(others.is_some_and(|others| others >= ending.others), "{what:?}: {verdict}");
    let why = Command::new(local.program("oomtrace"))
        .args(["why", &pid.to_string()])
        .arg(&recording)
        .output()
        .context("asking why")?;
    let wanted = if ending.verdict == "oom_kill" { 0 } else { NO };
    ensure!(why.status.code() == Some(wanted), "why exited with {} for {what:?}", why.status);
    Ok(())
}
