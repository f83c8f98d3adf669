//! `oomtrace rank`.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;

/// The number of attempts, because processes start, exit and grow meanwhile.
const LOOKS: usize = 5;

/// The adjustments of processes that guarantee an order even on an almost empty machine. They are a fifth of the machine's
/// memory apart. None is below 0, which would need `CAP_SYS_RESOURCE`.
const ADJUSTMENTS: [i16; 5] = [100, 500, 300, 900, 700];

/// Checks that the order of the whole machine is that of `/proc/PID/oom_score`. That score is coarse: one step is two thirds of
/// a thousandth of the machine. Processes within one step may be in either order.
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
    let sleepers = Sleepers::start()?;
    let ranking = ranked(local)?;
    order(&ranking, &sleepers)
}

/// Sleeping processes with their adjustments, killed when dropped.
struct Sleepers(Vec<(i16, Child)>);

impl Sleepers {
    fn start() -> Result<Self> {
        let mut sleepers = Self(Vec::new());
        for adj in ADJUSTMENTS {
            let script = format!("echo {adj} > /proc/self/oom_score_adj && exec sleep 60");
            let started = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).spawn();
            sleepers.0.push((adj, started.context("starting a process with an adjustment")?));
        }
        // The shells need time to execute the sleepers.
        std::thread::sleep(std::time::Duration::from_millis(100));
        Ok(sleepers)
    }

    /// The process ids, highest adjustment first.
    fn in_order(&self) -> Vec<u64> {
        let mut sorted: Vec<(i16, u64)> = self.0.iter().map(|(adj, it)| (*adj, u64::from(it.id()))).collect();
        sorted.sort_unstable_by(|left, right| right.cmp(left));
        sorted.into_iter().map(|(_, pid)| pid).collect()
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for (_, sleeper) in &mut self.0 {
            // It may already have exited.
            drop(sleeper.kill());
            drop(sleeper.wait());
        }
    }
}

fn ranked(local: &Local) -> Result<Value> {
    let ran = Command::new(local.program("oomtrace"))
        .args(["rank", "--format", "json", "--top", "100000"])
        .output();
    let ran = ran.context("running rank")?;
    ensure!(ran.status.success(), "rank exited with {}: {}", ran.status, ran.stderr.escape_ascii());
    serde_json::from_slice(&ran.stdout).context("the JSON of rank")
}

fn order(ranking: &Value, sleepers: &Sleepers) -> Result<()> {
    let rows = ranking.get("candidates").and_then(Value::as_array).context("no candidates")?;
    let pids: Vec<u64> = rows.iter().filter_map(|row| row.get("pid")?.as_u64()).collect();
    let scores: BTreeMap<u64, i64> = pids.iter().filter_map(|pid| Some((*pid, oom_score(*pid)?))).collect();
    let known: Vec<(u64, i64)> = pids.iter().filter_map(|pid| Some((*pid, *scores.get(pid)?))).collect();
    for (place, (pid, score)) in known.iter().enumerate() {
        let below = known.iter().skip(place + 1).find(|(_, other)| *other > score + 1);
        ensure!(below.is_none(), "{pid} has oom_score {score} and stands before {below:?}");
    }
    let expected = sleepers.in_order();
    let ranked: Vec<u64> = pids.into_iter().filter(|pid| expected.contains(pid)).collect();
    ensure!(ranked == expected, "those with {ADJUSTMENTS:?} should stand as {expected:?}, not {ranked:?}");
    ensure!(expected.iter().all(|pid| scores.contains_key(pid)), "procfs has no score of {expected:?}");
    Ok(())
}

fn oom_score(pid: u64) -> Option<i64> {
    fs::read_to_string(format!("/proc/{pid}/oom_score")).ok()?.trim().parse().ok()
}
