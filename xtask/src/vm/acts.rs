//! Tests that one write to `cgroup.kill` with thousands of processes is one incident with the exact count and few frames.

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

/// The largest allowed size of all frames, whatever the number of processes. The file also has the empty rest of each block, which grows
/// with the time that the processes take to die.
const FRAMES_BYTES: usize = 256 << 10;

/// The size of the head of a recording, of the head of a record, and of a block (`docs/recording-format.md`).
const HEADER_BYTES: usize = 16;
const RECORD_HEAD_BYTES: usize = 8;
const BLOCK_BYTES: usize = 4096;

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
            "{} {}: {processes} processes in one incident, {bytes} bytes of frames",
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

/// Checks the observation, and returns the size of its frames.
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
    let bytes = frames_bytes(run.recording.as_ref().context("no recording")?.as_bytes());
    ensure!(bytes > 0 && bytes <= FRAMES_BYTES, "{bytes} bytes of frames were recorded");
    Ok(bytes)
}

/// Adds up the records of a recording.
fn frames_bytes(recording: &[u8]) -> usize {
    let (mut at, mut bytes) = (HEADER_BYTES, 0);
    while let Some(length) = recording.get(at..).and_then(<[u8]>::first_chunk) {
        match u32::from_le_bytes(*length) {
            // The rest of the block is empty.
            0 => at = (at + 1).next_multiple_of(BLOCK_BYTES),
            length => {
                let record = RECORD_HEAD_BYTES + (length as usize).next_multiple_of(8);
                (at, bytes) = (at + record, bytes + record);
            }
        }
    }
    bytes
}

fn reports(run: &TracerRun) -> Result<Vec<Value>> {
    run.lines.iter().map(|line| serde_json::from_slice(line.as_bytes()).context("a report")).collect()
}

#[cfg(test)]
mod tests {
    use super::frames_bytes;

    /// A recording with frames of these sizes, each in blocks of its own.
    fn recording(frames: &[u32]) -> Vec<u8> {
        let mut bytes = vec![1; 16];
        for &length in frames {
            bytes.extend(length.to_le_bytes());
            bytes.extend(vec![1; 4 + (length as usize).next_multiple_of(8)]);
            bytes.resize(bytes.len().next_multiple_of(4096), 0);
        }
        bytes
    }

    #[test]
    fn counts_frames_without_the_rest_of_their_blocks() {
        assert_eq!(frames_bytes(&recording(&[])), 0);
        assert_eq!(frames_bytes(&recording(&[24, 5000])), 32 + 5008);
        let mut preallocated = recording(&[30]);
        preallocated.resize(5 * 4096, 0);
        assert_eq!(frames_bytes(&preallocated), 40);
    }
}
