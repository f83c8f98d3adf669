//! `oomtrace rank`.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;

/// Looks at a machine where processes come, go and grow meanwhile.
const LOOKS: usize = 5;

/// The order of the whole machine is that of `/proc/PID/oom_score`, which is coarse: two thirds of a thousandth of the machine
/// is one step. Processes a step or less apart may stand either way round.
pub(super) fn agrees_with_oom_score(local: &Local) -> Result<()> {
    let mut last = Ok(());
    for _ in 0..LOOKS {
        last = compare(local);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn compare(local: &Local) -> Result<()> {
    // One process that certainly stands out on a quiet machine: with an adjustment and without memory.
    let mut adjusted = Command::new("sh");
    adjusted.args(["-c", "echo 500 > /proc/self/oom_score_adj && exec sleep 60"]);
    let mut adjusted = adjusted.spawn().context("starting a process with an adjustment")?;
    let compared = ranked(local).and_then(|ranking| order(&ranking, adjusted.id()));
    adjusted.kill().context("ending it")?;
    adjusted.wait().context("ending it")?;
    compared
}

fn ranked(local: &Local) -> Result<Value> {
    // The shell must have become the sleeper.
    std::thread::sleep(std::time::Duration::from_millis(100));
    let ran = Command::new(local.program("oomtrace"))
        .args(["rank", "--format", "json", "--top", "100000"])
        .output();
    let ran = ran.context("running rank")?;
    ensure!(ran.status.success(), "rank ended with {}: {}", ran.status, ran.stderr.escape_ascii());
    serde_json::from_slice(&ran.stdout).context("the JSON of rank")
}

fn order(ranking: &Value, adjusted: u32) -> Result<()> {
    let rows = ranking.get("candidates").and_then(Value::as_array).context("no candidates")?;
    let pids: Vec<u64> = rows.iter().filter_map(|row| row.get("pid")?.as_u64()).collect();
    ensure!(pids.len() > 5, "only {} candidates on this machine", pids.len());
    let scores: BTreeMap<u64, i64> = pids.iter().filter_map(|pid| Some((*pid, oom_score(*pid)?))).collect();
    let known: Vec<(u64, i64)> = pids.iter().filter_map(|pid| Some((*pid, *scores.get(pid)?))).collect();
    for (place, (pid, score)) in known.iter().enumerate() {
        let below = known.iter().skip(place + 1).find(|(_, other)| *other > score + 1);
        ensure!(below.is_none(), "{pid} has oom_score {score} and stands before {below:?}");
    }
    let spread = known.iter().map(|(_, score)| *score).max() > known.iter().map(|(_, score)| *score).min();
    ensure!(spread, "every process has the same oom_score: nothing was compared");
    ensure!(
        pids.first() == Some(&u64::from(adjusted)),
        "{adjusted} with oom_score_adj 500 is not first: {pids:?}"
    );
    Ok(())
}

fn oom_score(pid: u64) -> Option<i64> {
    fs::read_to_string(format!("/proc/{pid}/oom_score")).ok()?.trim().parse().ok()
}
