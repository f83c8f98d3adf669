//! Measures the replay of a long recording.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    Bench,
    figures::{Row, Samples},
    recording::Recording,
    tracer::status_kib,
};

/// Number of runs. One run is too short for a reliable figure.
const RUNS: usize = 5;

/// Measures, and returns a row for each figure.
pub(super) fn measure(bench: &Bench, recording: &Path, bytes: u64) -> Result<Vec<Row>> {
    let (short, _) = repeated(bench, recording, "short", bytes / 8)?;
    let (long, size) = repeated(bench, recording, "long", bytes)?;
    let (_, peak_short) = replay(bench, &short)?;
    let runs: Vec<(Duration, u32)> = (0..RUNS).map(|_| replay(bench, &long)).collect::<Result<_>>()?;
    let speeds = runs.iter().map(|(took, _)| megabytes(size) / took.as_secs_f64()).collect();
    let peak = runs.iter().map(|(_, peak)| *peak).max().unwrap_or(0);
    let speed = Samples::new(speeds).map_or_else(String::new, |samples| samples.spread());
    let peaks = format!("{:.1} / {:.1}", f64::from(peak_short) / 1024.0, f64::from(peak) / 1024.0);
    Ok(vec![
        Row::new(format!("replay of {:.0} MB to JSON, MB/s", megabytes(size)), "500", speed),
        Row::new("replay at most resident, an eighth / all of it, MiB", "alike", peaks),
    ])
}

/// Converts bytes to megabytes of 10^6 bytes.
fn megabytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
}

/// Repeats the kills of a recording, each time later, until the file has the given size. Returns its path and its actual size.
fn repeated(bench: &Bench, recording: &Path, name: &str, bytes: u64) -> Result<(PathBuf, u64)> {
    let frames = Recording::read(recording)?;
    let path = bench.folder.path().join(name);
    let mut file = BufWriter::new(File::create(&path).context("making a recording")?);
    let mut size = frames.write_head(&mut file).context("writing a recording")?;
    for round in 0.. {
        if size >= bytes {
            break;
        }
        size += frames.write_round(&mut file, round).context("writing a recording")?;
    }
    file.flush().context("writing a recording")?;
    Ok((path, size))
}

/// Replays a recording. Returns the elapsed time, and the peak memory in KiB as last read before the process exits.
fn replay(bench: &Bench, recording: &Path) -> Result<(Duration, u32)> {
    let mut command = Command::new(&bench.oomtrace);
    command.arg("replay").arg(recording).args(["--format", "json"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn().context("starting a replay")?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().context("waiting for the replay")? {
            break status;
        }
        peak = peak.max(status_kib(child.id(), "VmHWM")?.unwrap_or(0));
        sleep(Duration::from_millis(1));
    };
    let took = began.elapsed();
    ensure!(status.success(), "the replay failed ({status})");
    Ok((took, peak))
}
