//! How commands end with closed outputs and invalid files.

use std::fs;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::kills::kill_one;
use super::tracer::at;
use crate::host::scratch::Scratch;

/// The documented exit statuses.
const OUTPUT: i32 = 5;
const INPUT: i32 = 6;

/// Checks for exactly one sentence on standard error and for this exit status.
fn judge(output: &Output, status: i32, says: &str) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(status), "exited with {}, not {status}: {said}", output.status);
    ensure!(said.trim_end().lines().count() == 1, "not one sentence: {said}");
    ensure!(said.contains(says), "does not contain `{says}`: {said}");
    Ok(())
}

/// `>&-`: the command refuses before anything is attached.
pub(super) fn closed_output(local: &Local) -> Result<()> {
    for command in ["watch", "demo", "check"] {
        let script = format!("exec \"$0\" {command} >&-");
        let run = Command::new("sh").args(["-c", &script]).arg(local.program("oomtrace")).output();
        judge(&run.context("starting a shell")?, OUTPUT, "standard output is closed")?;
    }
    Ok(())
}

/// `/dev/null` of a supervisor, which is also open for reading, is an output like any other.
pub(super) fn null_output(local: &Local) -> Result<()> {
    let run = Command::new("sh")
        .args(["-c", "exec \"$0\" check 1<>/dev/null"])
        .arg(local.program("oomtrace"))
        .output();
    let run = run.context("starting a shell")?;
    ensure!(run.status.success(), "check exited with {}: {}", run.status, run.stderr.escape_ascii());
    Ok(())
}

/// `| head -n 1`: one report, then a silent exit, without waiting for another kill.
pub(super) fn reader_goes(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-reader", 4 << 20)?;
    let script = "{ \"$0\" watch --format json; echo \"status $?\" >&2; } | head -n 1";
    let mut pipe = Command::new("sh")
        .args(["-c", script])
        .arg(local.program("oomtrace"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting a shell")?;
    let stderr = pipe.stderr.take().context("no stderr")?;
    let mut stderr = std::io::BufReader::new(stderr);
    let mut said = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut said).context("waiting for armed")?;
    ensure!(said.contains("armed"), "not armed: {said}");
    kill_one(local, &scratch, &[])?;
    let output = pipe.wait_with_output().context("waiting for the shell")?;
    std::io::Read::read_to_string(&mut stderr, &mut said).context("reading stderr")?;
    serde_json::from_slice::<Value>(&output.stdout).context("the one report")?;
    ensure!(said.lines().count() == 2 && said.ends_with("status 0\n"), "not a silent exit: {said}");
    Ok(())
}

/// Files that are not recordings, and damaged recordings.
pub(super) fn bad_input(local: &Local) -> Result<()> {
    let file = local.program("garbage");
    let run = |command: &str| {
        Command::new(local.program("oomtrace")).arg(command).arg(&file).output().context("starting oomtrace")
    };
    for command in ["replay", "dump", "list", "show"] {
        judge(&run(command)?, INPUT, "cannot open it")?;
        fs::write(&file, b"not a recording").context("writing")?;
        judge(&run(command)?, INPUT, "not an oomtrace recording")?;
        fs::write(&file, b"OOMTRACE\xff\0\0\0\0\0\0\0").context("writing")?;
        judge(&run(command)?, INPUT, "newer")?;
        fs::write(&file, b"OOMTRACE\x01\0\0\0\0\0\0\0\x03\0\0\0wrongabc").context("writing")?;
        judge(&run(command)?, INPUT, "the record at byte 16 is damaged")?;
        fs::remove_file(&file).context("removing")?;
    }
    let usage = Command::new(local.program("oomtrace")).args(["watch", "--cause", "ghosts"]).output();
    let usage = usage.context("starting oomtrace")?;
    let said = String::from_utf8_lossy(&usage.stderr);
    ensure!(
        usage.status.code() == Some(2) && said.contains("memcg_limit_lowered"),
        "{}: {said}",
        usage.status
    );
    Ok(())
}

/// Checks that `check` agrees with `watch`, and that each missing hook has a reason.
pub(super) fn check(local: &Local) -> Result<()> {
    let output = Command::new(local.program("oomtrace")).args(["check", "--format", "json"]).output();
    let output = output.context("starting oomtrace")?;
    let found: Value = serde_json::from_slice(&output.stdout).context("check's JSON")?;
    ensure!(output.status.success() && at(&found, "/works") == true, "check: {found}");
    let hooks = at(&found, "/hooks").as_array().context("no hooks")?;
    let tier = at(&found, "/tier").as_str().context("no tier")?;
    let spine = hooks.iter().find(|hook| at(hook, "/name") == "out_of_memory").context("no spine")?;
    ensure!((tier == "tracepoint") == at(spine, "/tier").is_null(), "tier {tier} with {spine}");
    let parts = at(&found, "/system").as_array().context("no system")?;
    let own = parts.iter().find(|part| at(part, "/name") == "self-check").context("no self-check")?;
    ensure!(at(own, "/found").is_string(), "the layout was not compared with procfs: {own}");
    let told = |hook: &&Value| at(hook, "/refusals/0").is_string();
    let silent = hooks.iter().find(|hook| at(hook, "/tier").is_null() && !told(hook));
    ensure!(silent.is_none(), "{silent:?} is missing without a reason");
    Ok(())
}
