//! Hundreds of kills in a row: each must be reported once, with the right victim.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

const SIGKILL: i32 = 9;

/// Runs a hog into the limit and checks that it was killed. Returns its pid.
pub(in crate::test) fn kill_one(local: &Local, scratch: &Scratch, extra: &[&str]) -> Result<u32> {
    let mut hog = Command::new(local.program("hog"));
    hog.args(extra).arg("--cgroup").arg(escaped(&scratch.path)).args(["anon", "--mib", "64"]);
    let mut child = hog.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("starting a hog")?;
    let status = child.wait().context("waiting for the hog")?;
    ensure!(status.signal() == Some(SIGKILL), "the hog was not killed: {status}");
    Ok(child.id())
}

/// A path as the hog takes it: every byte that is not a plain letter becomes `\xNN`.
pub(in crate::test) fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes().iter();
    bytes
        .map(|byte| match byte {
            b'/' | b'-' | b'.' | b'_' => char::from(*byte).to_string(),
            letter if letter.is_ascii_alphanumeric() => char::from(*letter).to_string(),
            other => format!("\\x{other:02x}"),
        })
        .collect()
}

/// Checks that each of a hundred kills has exactly one report, with the limit as the cause.
pub(in crate::test) fn hundred(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-hundred", 4 << 20)?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    let pids: Vec<u32> = (0..100).map(|_| kill_one(local, &scratch, &[])).collect::<Result<_>>()?;
    let said = tracer.end("-INT")?;
    ensure!(said.status.success(), "oomtrace exited with {}: {}", said.status, said.stderr);
    let mut reports: BTreeMap<u64, Value> = BTreeMap::new();
    for report in said.reports()? {
        let victims = at(&report, "/victims").as_array().map_or(0, Vec::len);
        ensure!(victims == 1, "{victims} victims in one report: {report}");
        let pid = at(&report, "/victims/0/pid").as_u64().context("a victim without a pid")?;
        if !pids.iter().any(|known| u64::from(*known) == pid) {
            continue;
        }
        ensure!(reports.insert(pid, report).is_none(), "pid {pid} was reported twice");
    }
    ensure!(reports.len() == pids.len(), "{} reports of {} kills", reports.len(), pids.len());
    reports.values().try_for_each(judge)
}

fn judge(report: &Value) -> Result<()> {
    let tier = at(report, "/tier").as_str().context("no tier")?;
    let confidence = if tier == "tracepoint" { "inferred" } else { "observed" };
    let expected = [
        ("/cause/code", Value::from("memcg_limit")),
        ("/cause/confidence", Value::from(confidence)),
        ("/domain/kind", Value::from("memcg")),
        ("/domain/cgroup", Value::from("/oomtrace-test-hundred")),
        ("/domain/limit_bytes", Value::from(4 << 20)),
        ("/selection/outcome", Value::from("killed")),
        ("/victims/0/comm", Value::from("hog")),
        ("/victims/0/role", Value::from("chosen")),
        ("/victims/0/cgroup", Value::from("/oomtrace-test-hundred")),
        ("/trigger/pid", at(report, "/victims/0/pid").clone()),
        ("/status/complete", Value::from(true)),
        ("/status/closed_by", Value::from("kernel")),
    ];
    for (place, wanted) in expected {
        let found = at(report, place);
        ensure!(*found == wanted, "{place} is {found}, not {wanted}: {report}");
    }
    let anon = at(report, "/victims/0/memory/anon_rss_bytes").as_u64().context("no anon_rss_bytes")?;
    ensure!((1 << 20..=5 << 20).contains(&anon), "{anon} bytes of anonymous memory under a limit of 4 MiB");
    Ok(())
}

/// Checks that a tracer that cannot keep up reports the number of lost frames, no kill twice, and no process that it did not
/// see.
pub(in crate::test) fn loss_is_counted(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-loss", 1 << 20)?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    tracer.signal("-STOP")?;
    // Each kill takes more than a kilobyte of the ring's one mebibyte.
    let pids: Vec<u32> = (0..1000).map(|_| kill_one(local, &scratch, &[])).collect::<Result<_>>()?;
    tracer.signal("-CONT")?;
    let said = tracer.end("-INT")?;
    let lost = said.counted("lost").context("no count of lost frames")?;
    ensure!(lost > 0, "nothing was lost in {} kills: {}", pids.len(), said.stderr);
    let mut seen = std::collections::BTreeSet::new();
    for report in said.reports()? {
        let pid = at(&report, "/victims/0/pid").as_u64().context("a victim without a pid")?;
        ensure!(seen.insert(pid), "pid {pid} was reported twice");
        ensure!(pids.iter().any(|known| u64::from(*known) == pid), "pid {pid} was not killed by this test");
    }
    ensure!(!seen.is_empty() && seen.len() < pids.len(), "{} reports of {} kills", seen.len(), pids.len());
    Ok(())
}

/// Checks that the replay of a recording equals the live output byte for byte.
pub(in crate::test) fn live_equals_replay(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-replay", 4 << 20)?;
    let file = local.program("recording");
    let path = file.to_str().context("the scratch directory's path")?;
    let tracer = Tracer::start(local, &["watch", "--format", "json", "--record", path])?;
    for _ in 0..5 {
        kill_one(local, &scratch, &[])?;
    }
    let live = tracer.end("-TERM")?;
    let replay = Command::new(local.program("oomtrace"))
        .args(["replay", path, "--format", "json"])
        .output()
        .context("replaying")?;
    ensure!(replay.status.success(), "replay exited with {}", replay.status);
    ensure!(live.reports()?.len() >= 5, "{} reports of 5 kills", live.reports()?.len());
    ensure!(live.stdout == replay.stdout, "the replay differs from the live output");
    let dump = Command::new(local.program("oomtrace")).args(["dump", path]).output().context("dumping")?;
    let lines = dump.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).count();
    let counted = live.counted("frames");
    ensure!(counted == u64::try_from(lines).ok(), "dump shows {lines} frames, watch counted {counted:?}");
    Ok(())
}
