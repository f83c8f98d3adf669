//! Tests that one write to `cgroup.kill` with thousands of processes is one incident with the exact count and a short recording.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::observation::{Observation, TracerRun};
use oomtrace_scenarios::scenario::part::act;
use serde_json::Value;

use super::{commands, guest::programs::Programs};
use crate::{host::workspace, kernels::Kernel};

/// Number of processes in each test, by default.
const PROCESSES: [u32; 2] = [2105, 10_000];

/// The largest allowed size of a recording, whatever the number of processes.
const RECORDING_BYTES: usize = 256 << 10;

/// Kills groups of the default sizes, or one of this size, and prints the results.
pub(crate) fn are_counted(
    kernel: &Kernel,
    programs: &Programs,
    tier: Tier,
    count: Option<u32>,
) -> Result<()> {
    for processes in count.map_or_else(|| PROCESSES.to_vec(), |count| vec![count]) {
        let seen = commands::record(kernel, programs, &act::scenario(processes), tier)?;
        if let Some(feature) = &seen.not_applicable {
            println!("{} {}: the kernel has no {feature}", kernel.series, tier.name());
            return Ok(());
        }
        let bytes = judge(&seen, processes)
            .with_context(|| format!("{processes} processes; {}", kept(&seen, &kernel.series, tier)))?;
        println!(
            "{} {}: {processes} processes in one incident, {bytes} bytes recorded",
            kernel.series,
            tier.name()
        );
    }
    Ok(())
}

/// Keeps the recording of a wrong report, and says where.
fn kept(seen: &Observation, series: &str, tier: Tier) -> String {
    let Some(recording) = seen.tracer.as_ref().and_then(|run| run.recording.as_ref()) else {
        return "there is no recording".to_owned();
    };
    let file = workspace::target().join("vm").join(format!("{series}-{}-acts.oomtrace", tier.name()));
    match fs::write(&file, recording.as_bytes()) {
        Ok(()) => format!("the recording is {}", file.display()),
        Err(error) => format!("the recording could not be written to {}: {error}", file.display()),
    }
}

/// Checks the observation, and returns the size of the recording.
fn judge(seen: &Observation, processes: u32) -> Result<usize> {
    ensure!(seen.failure.is_none(), "{}", seen.failure.clone().unwrap_or_default());
    let run = seen.tracer.as_ref().context("no tracer ran")?;
    let reports = reports(run)?;
    let [report] = reports.as_slice() else { anyhow::bail!("{} reports: {reports:?}", reports.len()) };
    let expected = [
        ("/cause/code", Value::from("userspace")),
        ("/sent/method", Value::from("cgroup.kill")),
        ("/sent/count", Value::from(processes)),
        ("/domain/cgroup", Value::from(act::CGROUP)),
        ("/status/complete", Value::from(true)),
        ("/status/lost_frames", Value::from(0)),
    ];
    let found = |place: &str| report.pointer(place).unwrap_or(&Value::Null);
    for (place, wanted) in expected {
        let said = found(place);
        ensure!(*said == wanted, "{place} is {said}, not {wanted}: {}", found("/cause"));
    }
    let replayed = run.replay.as_ref().context("no replay")?;
    ensure!(replayed.lines == run.lines, "the replay differs from the live output");
    let bytes = run.recording.as_ref().context("no recording")?.as_bytes().len();
    ensure!(bytes <= RECORDING_BYTES, "{bytes} bytes were recorded");
    Ok(bytes)
}

fn reports(run: &TracerRun) -> Result<Vec<Value>> {
    run.lines.iter().map(|line| serde_json::from_slice(line.as_bytes()).context("a report")).collect()
}
