//! Counts how often a tracer wakes up while nothing happens.

use std::{fs, path::Path, thread::sleep, time::Duration};

use anyhow::{Context as _, Result, ensure};

use super::{figures::Row, tracer::Tracer};

/// Time after which the start of a tracer is over.
const SETTLED: Duration = Duration::from_secs(5);

/// The largest number of windows. A window in which frames came is measured again.
const WINDOWS: u32 = 5;

/// Measures each setting of the history for one window, and returns a row for each.
pub(super) fn measure(program: &Path, window: Duration) -> Result<Vec<Row>> {
    let ways: [(&str, &'static str, &[&str]); 2] =
        [("--history off", "0", &["--history", "off"]), ("--history 5s", "", &["--history", "5s"])];
    let row = |(name, target, options): (&str, &'static str, &[&str])| {
        let (wakeups, frames) = least(program, window, options)?;
        let figure = format!("wakeups in {} s, {name} ({frames} frames came)", window.as_secs());
        Ok(Row::new(figure, target, wakeups.to_string()))
    };
    ways.into_iter().map(row).collect()
}

/// Returns the smallest number of wakeups in a window, and the number of frames in that window.
fn least(program: &Path, window: Duration, options: &[&str]) -> Result<(u64, u64)> {
    let mut best = None;
    for _ in 0..WINDOWS {
        let one = one(program, window, options)?;
        best = Some(best.map_or(one, |best: (u64, u64)| best.min(one)));
        if one.1 == 0 {
            break;
        }
    }
    best.context("nothing was measured")
}

fn one(program: &Path, window: Duration, options: &[&str]) -> Result<(u64, u64)> {
    let tracer = Tracer::start_with(program, options)?;
    sleep(SETTLED);
    let before = wakeups(tracer.pid())?;
    sleep(window);
    let wakeups = wakeups(tracer.pid())?.saturating_sub(before);
    let (said, _) = tracer.end()?;
    let word =
        |frames: &str| said.split_whitespace().rev().skip_while(|word| !word.starts_with(frames)).nth(1);
    let frames: u64 = word("frames").and_then(|count| count.parse().ok()).context("no line of totals")?;
    ensure!(frames > 0, "there is no session: {said}");
    // The session frame is always there.
    Ok((wakeups, frames - 1))
}

/// Returns how often all threads of a process have been scheduled.
fn wakeups(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).context("listing the tracer's threads")? {
        let status =
            fs::read_to_string(thread?.path().join("status")).context("reading a thread's status")?;
        let switches = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
        sum += switches.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum::<u64>();
    }
    Ok(sum)
}
