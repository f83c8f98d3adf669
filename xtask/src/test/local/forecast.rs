//! Compares a forecast with its samples and with the kill. The test uses no clock of its own.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::lead_up::{Hog, MIB, samples};
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

/// The rate of the leak in MiB per second.
const RATE: u64 = 10;

/// The limit in MiB, which the leak reaches after 20 s.
const LIMIT: u64 = 200;

/// The number of attempts. On a busy machine, memory may not grow in a straight line.
const ATTEMPTS: usize = 3;

/// A forecast may be off by this part of the time that is left, at a constant rate.
const TOLERANCE: f64 = 0.1;

/// The number of bytes that the leak allocates at a time.
const STEP: f64 = 1_048_576.0;

/// Checks that a leak is announced once before its kill, with the time that is left.
pub(super) fn comes_true(local: &Local) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if let Some((forecast, kill)) = leak(local)? {
            return compare(&forecast, &kill);
        }
    }
    anyhow::bail!("no forecast in {ATTEMPTS} attempts")
}

/// The forecast of a leak and the report of its kill; `None` if there was no forecast.
fn leak(local: &Local) -> Result<Option<(Value, Value)>> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-forecast", LIMIT * MIB)?;
    let file = local.program("forecast.oomtrace");
    // The file may exist from an earlier attempt.
    let _ = std::fs::remove_file(&file);
    let path = file.to_str().context("the scratch folder's path")?;
    let arguments = ["watch", "--format", "json", "--history", "1s", "--forecast", "12", "--record", path];
    let tracer = Tracer::start(local, &arguments)?;
    samples(2);
    let pid = Hog::start(local, &scratch, &["leak", "--mib", "400", "--rate", &RATE.to_string()])?.wait()?;
    samples(1);
    let live = tracer.end("-INT")?;
    let replay = Command::new(local.program("oomtrace")).args(["replay", path, "--format", "json"]).output();
    ensure!(live.stdout == replay.context("replaying")?.stdout, "the replay differs from the live output");
    let name = scratch.path.file_name().and_then(|name| name.to_str()).context("a cgroup without a name")?;
    let is_of = |path: &Value| path.as_str().is_some_and(|path| path.ends_with(name));
    let said = live.reports()?;
    let kill = said.iter().find(|line| at(line, "/kind").is_null() && is_of(at(line, "/domain/cgroup")));
    let kill = kill.context("no report of the kill")?;
    // On a busy machine, the tracer may sample the cgroup only at the time of the kill.
    let is_before = |line: &Value| at(line, "/boot_ns").as_u64() < at(kill, "/boot_ns").as_u64();
    let is_it =
        |line: &&Value| at(line, "/kind") == "forecast" && is_of(at(line, "/cgroup")) && is_before(line);
    let mut forecasts = said.iter().filter(is_it);
    let Some(forecast) = forecasts.next() else { return Ok(None) };
    ensure!(forecasts.next().is_none(), "an approach is announced twice: {}", live.stdout.escape_ascii());
    ensure!(at(forecast, "/growers/0/pid") == pid, "the leak is not who grew: {forecast}");
    Ok(Some((forecast.clone(), kill.clone())))
}

/// Compares the forecast with the kill. The tolerance includes the change of the rate since the forecast, according to the samples
/// and the time of the kill.
fn compare(forecast: &Value, kill: &Value) -> Result<()> {
    let number = |value: &Value, place: &str| {
        at(value, place).as_f64().with_context(|| format!("{place} is no number in {value}"))
    };
    let [begun, left, rate, over] =
        ["/boot_ns", "/left_ns", "/bytes_per_second", "/over_ns"].map(|place| number(forecast, place));
    let [held, capacity] = ["/held_bytes", "/capacity_bytes"].map(|place| number(forecast, place));
    let (begun, left, rate, over, held, capacity) = (begun?, left? / 1e9, rate?, over?, held?, capacity?);
    ensure!(at(forecast, "/limit_bytes") == LIMIT * MIB, "another limit: {forecast}");
    ensure!(left <= 12.0, "the forecast came before its time: {forecast}");
    let actual = (number(kill, "/boot_ns")? - begun) / 1e9;
    ensure!(actual > 0.0, "the forecast came after the kill: {forecast}");
    let points = points(forecast, over)?;
    let before = ends(&points).context("too few samples")?;
    let after = (capacity - held) / actual;
    let changed = (before / after - 1.0).abs();
    // The greatest difference between the slope of the line and the slope between its ends. It depends on the fit of the line.
    let bent = 1.2 * (1.0 - fit(&points)).max(0.0).sqrt();
    let allowed = actual * (TOLERANCE + changed + bent) + 2.0 * STEP / rate;
    ensure!(
        (left - actual).abs() <= allowed,
        "{left} s were left, and it took {actual} s (allowed {allowed}, rate {before} before and {after} after): {forecast}"
    );
    Ok(())
}

/// The samples from which the rate was measured: seconds and bytes.
fn points(forecast: &Value, over_ns: f64) -> Result<Vec<(f64, f64)>> {
    let samples = at(forecast, "/samples").as_array().context("no samples")?;
    let point = |sample: &Value| {
        let before_ns = at(sample, "/before_ns").as_f64()?;
        let bytes = at(sample, "/held_bytes").as_f64()?;
        (before_ns <= over_ns).then_some((-before_ns / 1e9, bytes))
    };
    Ok(samples.iter().filter_map(point).collect())
}

/// The rate between the first and the last point.
fn ends(points: &[(f64, f64)]) -> Option<f64> {
    let ((first_s, first), (last_s, last)) = (*points.first()?, *points.last()?);
    (last_s > first_s).then(|| (last - first) / (last_s - first_s))
}

/// How well a straight line fits (R²).
fn fit(points: &[(f64, f64)]) -> f64 {
    let count = points.iter().map(|_| 1.0).sum::<f64>();
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let sum =
        |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y)| of(x - mean_x, y - mean_y)).sum::<f64>();
    let (both, across, up) = (sum(&|x, y| x * y), sum(&|x, _| x * x), sum(&|_, y| y * y));
    both * both / (across * up)
}
