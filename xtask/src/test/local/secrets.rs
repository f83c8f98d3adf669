//! Secrets in command lines: oomtrace hides them or does not read them at all.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::kills::kill_one;
use super::tracer::{Said, Tracer, at};
use crate::host::run::output;
use crate::host::scratch::Scratch;

/// An argument that is only in the command line, because it is too long for the process's name.
const SECRET: &str = "password=correct-horse-battery";

/// Checks that a report hides the secret, live and in a replay, while the recording contains it.
pub(super) fn hidden(local: &Local) -> Result<()> {
    let (reports, file) = one_kill(local, "hidden", &["--redact"])?;
    let words = at(&reports, "/victims/0/cmdline").to_string();
    ensure!(words.contains("password=[hidden]") && !words.contains("battery"), "live: {words}");
    let replay = |options: &[&str]| {
        let mut command = Command::new(local.program("oomtrace"));
        output(command.args(["replay", &file, "--format", "json"]).args(options))
    };
    ensure!(!replay(&["--redact"])?.contains("battery"), "a replay with --redact shows it");
    ensure!(replay(&[])?.contains(SECRET), "the recording lacks it");
    fs::remove_file(&file).with_context(|| format!("removing {file}"))
}

/// Checks that neither a report nor a recording contains any of the command line.
pub(super) fn not_read(local: &Local) -> Result<()> {
    let (report, file) = one_kill(local, "not-read", &["--no-cmdline"])?;
    ensure!(at(&report, "/victims/0/cmdline").is_null(), "the command line was read: {report}");
    ensure!(!at(&report, "/victims/0/exe").is_null(), "the executable is missing: {report}");
    let recording = fs::read(&file).with_context(|| format!("reading {file}"))?;
    for word in ["battery", "--comm", "--record"] {
        let has = recording.windows(word.len()).any(|window| window == word.as_bytes());
        ensure!(!has, "the recording has {word}");
    }
    fs::remove_file(&file).with_context(|| format!("removing {file}"))
}

/// The report of a kill with the secret among its arguments, and the recording.
fn one_kill(local: &Local, name: &str, options: &[&str]) -> Result<(Value, String)> {
    let cgroup = format!("oomtrace-test-{name}");
    let scratch = Scratch::new(&local.hierarchy, cgroup.as_bytes(), 4 << 20)?;
    let file = local.program(&format!("{name}.oomtrace")).display().to_string();
    let fixed = ["watch", "--format", "json", "--record", &file];
    let tracer = Tracer::start(local, &[&fixed, options].concat())?;
    let pid = kill_one(local, &scratch, &["--comm", SECRET])?;
    let said: Said = tracer.end("-INT")?;
    let reports = said.reports()?;
    let own = reports.into_iter().find(|report| at(report, "/victims/0/pid") == pid);
    Ok((own.context("no report")?, file))
}
