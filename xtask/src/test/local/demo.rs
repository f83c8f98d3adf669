//! `oomtrace demo`: it explains its own kill and removes what it created.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::tracer::at;

/// The existing cgroups of demos.
fn scratch_cgroups(local: &Local) -> Vec<String> {
    let entries = fs::read_dir(&local.hierarchy).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with("oomtrace-demo-")).collect()
}

/// Checks that the demo reports its kill, in JSON and in full, and leaves nothing.
pub(super) fn reports(local: &Local) -> Result<()> {
    let json = run(local, "json")?;
    let report: Value = serde_json::from_slice(&json.stdout).context("the demo's JSON")?;
    ensure!(at(&report, "/cause/code") == "memcg_limit", "not its limit: {report}");
    ensure!(at(&report, "/domain/limit_bytes") == 64 << 20, "not its limit: {report}");
    ensure!(at(&report, "/victims/0/comm") == "oomtrace-demo", "not its process: {report}");
    ensure!(at(&report, "/victims/0/aftermath/exit_ns").is_u64(), "no exit: {report}");
    let text = String::from_utf8(run(local, "full")?.stdout).context("the full report is not UTF-8")?;
    ensure!(text.contains("memcg_limit") && text.contains("64.0 MiB"), "in full: {text}");
    let blind = at(&report, "/tier") == "tracepoint";
    ensure!(blind == text.contains("does not see"), "what the tier cannot see: {text}");
    ensure!(scratch_cgroups(local).is_empty(), "left behind: {:?}", scratch_cgroups(local));
    Ok(())
}

fn run(local: &Local, format: &str) -> Result<Output> {
    let ran = Command::new(local.program("oomtrace")).args(["demo", "--format", format]).output();
    let ran = ran.context("running the demo")?;
    ensure!(ran.status.success(), "the demo exited with {}: {}", ran.status, ran.stderr.escape_ascii());
    Ok(ran)
}

/// Checks that an interrupted demo removes its cgroup and exits successfully, whatever the moment.
pub(super) fn cleans_up(local: &Local) -> Result<()> {
    for delay_ms in [0, 20, 50, 80, 120, 200] {
        let mut demo = start(local)?;
        thread::sleep(Duration::from_millis(delay_ms));
        // It may already have exited.
        let _ = Command::new("kill").args(["-INT", &demo.id().to_string()]).stderr(Stdio::null()).status();
        let status = demo.wait().context("waiting for the demo")?;
        // If the signal arrives before the demo can catch it, it kills the demo. There is no cgroup yet.
        let by_signal = std::os::unix::process::ExitStatusExt::signal(&status) == Some(2);
        ensure!(status.success() || by_signal, "after {delay_ms} ms the demo exited with {status}");
        ensure!(scratch_cgroups(local).is_empty(), "after {delay_ms} ms: {:?}", scratch_cgroups(local));
    }
    Ok(())
}

/// Checks that a killed demo leaves its cgroup and that the next demo removes it.
pub(super) fn removes_stale(local: &Local) -> Result<()> {
    let mut demo = start(local)?;
    let begun = Instant::now();
    while scratch_cgroups(local).is_empty() && begun.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(1));
    }
    demo.kill().context("killing the demo")?;
    demo.wait().context("waiting for the demo")?;
    ensure!(!scratch_cgroups(local).is_empty(), "the demo created no cgroup, or exited before it was killed");
    ensure!(start(local)?.wait().context("waiting for the demo")?.success(), "the next demo failed");
    ensure!(scratch_cgroups(local).is_empty(), "left behind: {:?}", scratch_cgroups(local));
    Ok(())
}

fn start(local: &Local) -> Result<std::process::Child> {
    let mut command = Command::new(local.program("oomtrace"));
    command.arg("demo").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("starting the demo")
}
