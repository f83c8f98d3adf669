//! Measures `oomtrace list` with a filter on a million incidents. The recording is generated while it is read, because it would
//! fill a disk.

use std::{
    io::{BufWriter, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::{Bench, figures::Row, recording::Recording, tracer::status_kib};

/// A filter with a name that no victim has, so that every incident is read and none is shown.
const FILTER: [&str; 2] = ["--comm", "nobody-has-it"];

/// Time between two readings of the reader's memory.
const LOOK: Duration = Duration::from_millis(5);

/// The result of one run.
struct Ran {
    took: Duration,
    bytes: u64,
    incidents: u64,
    peak_kib: u32,
}

/// Measures, and returns a row for each figure.
pub(super) fn measure(bench: &Bench, recording: &Path, incidents: u64) -> Result<Vec<Row>> {
    let frames = Recording::read(recording)?;
    let in_round = count(bench, recording)?;
    ensure!(in_round > 0, "the recording holds no incident");
    let rounds = incidents.div_ceil(in_round);
    let short = list(bench, &frames, in_round, rounds.div_ceil(8))?;
    let long = list(bench, &frames, in_round, rounds)?;
    let seconds = long.took.as_secs_f64();
    let per_second = |count: u64| f64::from(u32::try_from(count / 1000).unwrap_or(u32::MAX)) / seconds;
    let peaks =
        format!("{:.1} / {:.1}", f64::from(short.peak_kib) / 1024.0, f64::from(long.peak_kib) / 1024.0);
    let name = format!("list of {} incidents with a filter, thousands a second", long.incidents);
    let speed = format!("{:.1} ({:.0} MB/s)", per_second(long.incidents), per_second(long.bytes) / 1000.0);
    Ok(vec![
        Row::new(name, "", speed),
        Row::new("list at most resident, an eighth / all of it, MiB", "alike", peaks),
    ])
}

/// Returns the number of incidents in a recording.
fn count(bench: &Bench, recording: &Path) -> Result<u64> {
    let listed = Command::new(&bench.oomtrace).arg("list").arg(recording).args(["--format", "json"]).output();
    let listed = listed.context("starting a list")?;
    ensure!(listed.status.success(), "list failed ({})", listed.status);
    Ok(u64::try_from(listed.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count())?)
}

fn list(bench: &Bench, frames: &Recording, in_round: u64, rounds: u64) -> Result<Ran> {
    let mut command = Command::new(&bench.oomtrace);
    command.args(["list", "/dev/stdin"]).args(FILTER);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().context("starting a list")?;
    let input = child.stdin.take().context("no standard input")?;
    let (bytes, peak_kib) = thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut output = BufWriter::with_capacity(1 << 16, input);
            let mut bytes = frames.write_head(&mut output)?;
            for round in 0..rounds {
                bytes += frames.write_round(&mut output, round)?;
            }
            output.flush().map(|()| bytes)
        });
        let peak = watch(&mut child);
        let bytes =
            writer.join().map_err(|_| anyhow!("the writer's thread died"))?.context("feeding a list")?;
        anyhow::Ok((bytes, peak?))
    })?;
    let took = began.elapsed();
    let output = child.wait_with_output().context("waiting for the list")?;
    let incidents = rounds * in_round;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.success() && said.contains(&format!("none of {incidents} incidents")),
        "list said {said}"
    );
    Ok(Ran { took, bytes, incidents, peak_kib })
}

/// Returns the peak memory in KiB, as last read before the process exits.
fn watch(child: &mut Child) -> Result<u32> {
    let mut peak = 0;
    while child.try_wait().context("waiting for the list")?.is_none() {
        peak = peak.max(status_kib(child.id(), "VmHWM")?.unwrap_or(0));
        thread::sleep(LOOK);
    }
    Ok(peak)
}
