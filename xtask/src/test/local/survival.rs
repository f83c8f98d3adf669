//! A flight recorder that is killed.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::kills::kill_one;
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

/// The number of kills of the recorder.
const KILLS: u64 = 20;

/// `oomtrace record` gets SIGKILL during a storm of real kills. The recording must list the first of them, each once, in order,
/// and no other.
pub(super) fn killed_in_a_storm(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-survival", 2 << 20)?;
    let mut listed = 0;
    for number in 0..KILLS {
        listed += one(local, &scratch, number).with_context(|| format!("kill {number}"))?;
    }
    ensure!(listed > 0, "no incident was on disk after any of {KILLS} kills");
    Ok(())
}

fn one(local: &Local, scratch: &Scratch, number: u64) -> Result<usize> {
    let file = local.program("survival.oomtrace");
    let path = file.to_str().context("the scratch directory's path")?;
    let tracer = Tracer::start(local, &["record", "-o", path])?;
    let over = AtomicBool::new(false);
    let killed = thread::scope(|scope| {
        let storm = scope.spawn(|| {
            let mut pids = Vec::new();
            while !over.load(Ordering::Relaxed) {
                pids.push(kill_one(local, scratch, &[])?);
            }
            anyhow::Ok(pids)
        });
        thread::sleep(moment(number));
        let ended = tracer.end("-KILL");
        over.store(true, Ordering::Relaxed);
        let pids = storm.join().ok().context("the storm failed")??;
        ended.map(|_| pids)
    })?;
    let victims = list(local, path)?;
    fs::remove_file(&file).context("removing the recording")?;
    ensure!(killed.starts_with(&victims), "{victims:?} are listed, {killed:?} were killed");
    Ok(victims.len())
}

/// Moments spread over half a second, the same in every run.
fn moment(number: u64) -> Duration {
    Duration::from_millis((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55)
}

fn list(local: &Local, path: &str) -> Result<Vec<u32>> {
    let output = Command::new(local.program("oomtrace")).args(["list", path, "--format", "json"]).output();
    let output = output.context("starting oomtrace")?;
    ensure!(output.status.success(), "list exited with {}: {}", output.status, output.stderr.escape_ascii());
    let lines = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let row: Value = serde_json::from_slice(line).context("a row")?;
            let pid = at(&row, "/victim/pid").as_u64().context("a row without a victim")?;
            Ok(u32::try_from(pid)?)
        })
        .collect()
}
