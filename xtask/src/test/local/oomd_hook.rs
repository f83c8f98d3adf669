//! Kills that this process announces as systemd-oomd does, and then carries out.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Local;
use super::kills::escaped;
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

const HELD_MIB: u64 = 20;
const LIMIT_MIB: u64 = 512;

/// The names of the scratch cgroups. Only the first is announced before its processes are killed.
const ANNOUNCED: &str = "oomtrace-test-announced";
const OTHER: &str = "oomtrace-test-not-announced";

/// Number of processes in the announced cgroup.
const PROCESSES: usize = 3;

/// Checks that an announced kill is reported with the announcement and with the processes that were alive, that a kill elsewhere
/// is not, and that a replay says the same.
pub(super) fn announced_kill_is_reported(local: &Local) -> Result<()> {
    let folder = TempDir::new().context("creating a directory")?;
    let (hooks, recording) = (folder.path().join("hooks"), folder.path().join("recording"));
    let scratch = |name: &str| Scratch::new(&local.hierarchy, name.as_bytes(), LIMIT_MIB << 20);
    let (announced, other) = (scratch(ANNOUNCED)?, scratch(OTHER)?);
    let hook = format!("--oomd-hook={}", hooks.display());
    let tracer = Tracer::start(
        local,
        &["watch", "--format", "json", "--record", &recording.display().to_string(), &hook],
    )?;
    let start = |scratch: &Scratch| holding(local, &escaped(&scratch.path));
    let innocent = start(&other)?;
    let victims = (0..PROCESSES).map(|_| start(&announced)).collect::<Result<Vec<Child>>>()?;
    let pids: Vec<u32> = victims.iter().map(Child::id).collect();
    let took = announce(&hooks.join("oomtrace"), &format!("/{ANNOUNCED}"))?;
    kill(victims)?;
    std::thread::sleep(Duration::from_secs(2));
    // Nothing is announced now.
    let spared = innocent.id();
    kill(vec![innocent])?;
    let said = tracer.end("-INT")?;
    let reports = said.reports()?;
    check(&reports, &pids).with_context(|| format!("{reports:#?}"))?;
    let of_other = reports.iter().find(|report| at(report, "/victims/0/pid") == spared);
    ensure!(of_other.is_none_or(|report| at(report, "/prekill").is_null()), "{of_other:?}");
    println!("the reply to an announcement took {took:?}");
    ensure!(took < Duration::from_millis(500), "the reply took {took:?}");
    let replayed = Command::new(local.program("oomtrace"))
        .args(["replay", "--format", "json"])
        .arg(&recording)
        .output()
        .context("replaying")?;
    ensure!(replayed.stdout == said.stdout, "the replay differs");
    Ok(())
}

fn check(reports: &[Value], pids: &[u32]) -> Result<()> {
    let of_pids = |report: &&Value| pids.iter().any(|pid| at(report, "/victims/0/pid") == *pid);
    let report = reports.iter().find(of_pids).context("the kill was not reported")?;
    let expected = [
        ("/cause/code", json!("userspace")),
        ("/cause/confidence", json!("observed")),
        ("/prekill/cgroup", json!(format!("/{ANNOUNCED}"))),
        ("/prekill/pid", json!(std::process::id())),
        ("/trigger/pid", json!(std::process::id())),
        ("/prekill/snapshot/processes_total", json!(PROCESSES)),
        ("/prekill/snapshot/left_out", json!(0)),
        ("/prekill/snapshot/processes/0/comm", json!("hog")),
    ];
    for (place, wanted) in expected {
        ensure!(*at(report, place) == wanted, "{place} is {}, not {wanted}", at(report, place));
    }
    let listed = at(report, "/prekill/snapshot/processes").as_array().context("no processes")?;
    for pid in pids {
        let process = listed.iter().find(|process| at(process, "/pid") == *pid);
        let rss = process.and_then(|process| at(process, "/rss_bytes").as_u64());
        ensure!(rss.is_some_and(|rss| rss >= HELD_MIB << 20), "process {pid}: {process:?}");
        let cmdline = process.map(|process| at(process, "/cmdline/0").to_string()).unwrap_or_default();
        ensure!(cmdline.contains("hog"), "process {pid}: {process:?}");
    }
    let usage = at(report, "/prekill/snapshot/usage_bytes").as_u64();
    let held = u64::try_from(PROCESSES)? * (HELD_MIB << 20);
    ensure!(usage.is_some_and(|usage| usage >= held), "{usage:?} bytes in use");
    Ok(())
}

/// Announces a kill as systemd-oomd does. Returns how long it waited for the reply.
fn announce(socket: &Path, cgroup: &str) -> Result<Duration> {
    let start = Instant::now();
    let mut stream = UnixStream::connect(socket).context("connecting to the hook")?;
    let call = json!({ "method": "io.systemd.oom.Prekill.Notify", "parameters": { "cgroup": cgroup } });
    stream.write_all(format!("{call}\0").as_bytes()).context("announcing")?;
    let mut reply = [0; 18];
    stream.read_exact(&mut reply).context("reading the reply")?;
    ensure!(reply == *b"{\"parameters\":{}}\0", "the reply is {}", reply.escape_ascii());
    Ok(start.elapsed())
}

/// Kills the processes. This process sends the signals itself, because it announced them.
fn kill(mut processes: Vec<Child>) -> Result<()> {
    for process in &mut processes {
        process.kill().context("sending SIGKILL")?;
    }
    for process in &mut processes {
        process.wait().context("waiting for a hog")?;
    }
    Ok(())
}

/// Starts a hog in a cgroup and waits until it has allocated its memory.
fn holding(local: &Local, cgroup: &str) -> Result<Child> {
    let mut hog = Command::new(local.program("hog"));
    hog.args(["--cgroup", cgroup, "--hold", "anon", "--mib", &HELD_MIB.to_string()]);
    let mut child = hog.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting a hog")?;
    let words = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    for word in words {
        if word.context("reading from the hog")? == "holding" {
            return Ok(child);
        }
    }
    anyhow::bail!("the hog did not allocate its memory")
}
