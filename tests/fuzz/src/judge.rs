//! Checks that hold for every input, however damaged: no panic, errors that name their place, and only true reports.

use std::collections::BTreeSet;

use crate::{
    corpus::Corpus,
    mutate::{Damage, Input},
    tally::Tally,
};
use anyhow::{Context as _, Result, bail, ensure};
use oomtrace::{
    account::What,
    decode::decode,
    frame::{Frame, HEADER_BYTES as FRAME_HEADER_BYTES},
    incident::Incident,
    pipeline::Incidents,
    recording::{BLOCK_BYTES, ReadError, Reader},
    report::{ClosedBy, Report, report},
    sink::html::{Overview, page},
    source::replay::Replay,
    whatif::{Change, Holding, Who, decide_again},
};

/// One of this many inputs is also rendered as a page, because rendering takes longer than all other steps.
const PAGES: u64 = 16;

/// The facts about the recordings before any damage.
pub(crate) struct Judge {
    truths: Vec<Truth>,
}

/// A recording's frames and the reports of its incidents.
struct Truth {
    frames: Vec<Vec<u8>>,
    reports: BTreeSet<String>,
    /// The same reports without the facts that are read last.
    early: BTreeSet<String>,
}

impl Judge {
    pub(crate) fn new(corpus: &Corpus) -> Result<Self> {
        let truth = |recording: &crate::corpus::Recording| {
            let (incidents, error) = incidents(&recording.bytes)?;
            ensure!(error.is_none() && !incidents.is_empty(), "a recording without incidents: {error:?}");
            let reports: Vec<Report> = incidents.iter().map(report).collect();
            Ok(Truth {
                frames: recording.frames.clone(),
                reports: reports.iter().map(lasting).collect::<Result<_>>()?,
                early: reports.iter().map(|report| lasting(&early(report))).collect::<Result<_>>()?,
            })
        };
        Ok(Self { truths: corpus.recordings.iter().map(truth).collect::<Result<_>>()? })
    }

    /// Judges one input.
    pub(crate) fn input(&self, input: &Input, number: u64, tally: &mut Tally) -> Result<()> {
        let truth = match input.damage {
            Damage::Noticed(index) => self.truths.get(index),
            Damage::File | Damage::Frames => None,
        };
        tally.inputs += 1;
        tally.bytes += u64::try_from(input.bytes.len())?;
        read(&input.bytes, truth, tally).context("reading its frames")?;
        let (incidents, _) = incidents(&input.bytes)?;
        let mut overview = Overview::new();
        for incident in &incidents {
            let report = report(incident);
            tell(&report, truth).context("its report")?;
            tally.incidents += 1;
            if number.is_multiple_of(PAGES) {
                overview.add(tally.incidents, &report);
                serde_json::from_str::<serde_json::Value>(&serde_json::to_string(&report)?)?;
                shown(&page(&report)).context("its page")?;
                tally.pages += 1;
            }
            tally.answers += u64::from(ask(incident, &report, number)?);
        }
        if number.is_multiple_of(PAGES) {
            shown(&overview.page()).context("the overview")?;
        }
        Ok(())
    }
}

/// Reads frame by frame. An error must name the offset in the file where reading stopped.
fn read(bytes: &[u8], truth: Option<&Truth>, tally: &mut Tally) -> Result<()> {
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(ReadError::NotARecording | ReadError::Newer { .. }) => {
            tally.refused += 1;
            ensure!(truth.is_none(), "a valid header was rejected");
            return Ok(());
        }
        Err(error) => bail!("reading a valid input failed: {error}"),
    };
    let (mut frame, mut index) = (Vec::new(), 0);
    loop {
        frame.clear();
        let offset = reader.offset();
        match reader.next(&mut frame) {
            Ok(true) => {}
            Ok(false) => {
                tally.torn += u64::from(reader.torn());
                return Ok(());
            }
            Err(error) => {
                tally.damaged += 1;
                return names_the_place(&error, reader.offset(), bytes.len());
            }
        }
        ensure!(reader.offset() > offset, "the reader makes no progress at {offset}");
        if let Some(truth) = truth {
            ensure!(
                truth.frames.get(index) == Some(&frame),
                "frame {index} at {offset} is not what was recorded"
            );
        }
        index += 1;
        tally.frames += 1;
        decoded(&frame, tally)?;
    }
}

fn names_the_place(error: &ReadError, offset: u64, length: usize) -> Result<()> {
    let ReadError::Damaged { offset: told, .. } = error else {
        bail!("reading existing bytes failed: {error}")
    };
    ensure!(*told == offset, "the reader stopped at {offset} and reports {told}");
    ensure!(error.to_string().contains(&format!("byte {offset} ")), "the error names no place: {error}");
    // The reader tolerates missing padding of the last block.
    ensure!(offset <= u64::try_from(length + BLOCK_BYTES)?, "offset {offset} is beyond the end, {length}");
    Ok(())
}

fn decoded(bytes: &[u8], tally: &mut Tally) -> Result<()> {
    let frame = match Frame::parse(bytes) {
        Ok(frame) => frame,
        Err(error) => {
            tally.undecoded += 1;
            return places(&error.to_string(), bytes.len());
        }
    };
    if let Err(error) = decode(&frame) {
        tally.undecoded += 1;
        ensure!(
            error.to_string().contains(&format!("at byte {FRAME_HEADER_BYTES} ")),
            "the error names no place: {error}"
        );
    }
    Ok(())
}

/// Checks that an invalid frame's error names the number of bytes, or the byte at which the frame ends.
fn places(words: &str, length: usize) -> Result<()> {
    let mut numbers =
        words.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok());
    ensure!(numbers.any(|number: usize| number <= length), "the error names no place: {words}");
    Ok(())
}

/// The incidents of a file, and the error that stopped reading.
fn incidents(bytes: &[u8]) -> Result<(Vec<Incident>, Option<String>)> {
    let Ok(reader) = Reader::new(bytes) else { return Ok((Vec::new(), None)) };
    let mut incidents = Vec::new();
    for incident in Incidents::new(Replay::new(reader)) {
        match incident {
            Ok(incident) => incidents.push(incident),
            // In one file, nothing follows an error.
            Err(error) => return Ok((incidents, Some(error.to_string()))),
        }
    }
    Ok((incidents, None))
}

/// Checks that a report is JSON, and that a complete report is one of the true ones.
fn tell(report: &Report, truth: Option<&Truth>) -> Result<()> {
    let json = lasting(report)?;
    ensure!(json.starts_with("{\"schema\":1,") && json.ends_with('}'), "no report: {json}");
    let is_whole = report.status.complete && report.status.closed_by == Some(ClosedBy::Kernel);
    if let Some(truth) = truth.filter(|_| is_whole) {
        let is_early = || Ok::<_, anyhow::Error>(truth.early.contains(&lasting(&early(report))?));
        let is_true = truth.reports.contains(&json) || (lacks_surroundings(report) && is_early()?);
        ensure!(is_true, "the report is not true: {json}");
    }
    Ok(())
}

/// Whether the recording ends before the incident's surroundings, which are read last and not awaited.
fn lacks_surroundings(report: &Report) -> bool {
    report.machine.as_ref().is_none_or(|machine| machine.tmpfs.is_none())
}

/// The part of a report that is known before the lookups and does not change: without the surroundings, the names of calls and
/// the history, and without conclusions from those.
fn early(report: &Report) -> Report {
    let mut early = Report { machine: None, account: None, lead_up: None, ..report.clone() };
    early.cause.summary.clear();
    let allocation = &mut early.allocation;
    (allocation.kind, allocation.syscall, allocation.stack, allocation.user_stack) = (None, None, None, None);
    early
}

/// The part of a report that cannot change once the incident is complete. Passes that kill no process continue while the
/// victim's memory is freed, and are counted until the recording ends.
fn lasting(report: &Report) -> Result<String> {
    Ok(serde_json::to_string(&Report { empty_passes: None, ..report.clone() })?)
}

/// Checks that a page is complete and contains nothing that runs.
fn shown(page: &str) -> Result<()> {
    let lower = page.to_lowercase();
    ensure!(page.ends_with("</html>"), "the page is incomplete");
    ensure!(!lower.contains("<script") && !lower.contains("<img"), "a name created an element in the page");
    Ok(())
}

/// Asks one of the questions. Returns whether it was answered.
fn ask(incident: &Incident, report: &Report, number: u64) -> Result<bool> {
    let cgroup = report.domain.cgroup.clone().unwrap_or_else(|| "/".into());
    let pid = report.selection.runner_up_pid.unwrap_or(1);
    let held = |by| Change::Held { by, bytes: 0 };
    let question = match number % 6 {
        0 => Change::Adj { who: Who::Pid(pid), adj: 1000 },
        1 => Change::AllocatingTask(true),
        2 => Change::Limit { cgroup, bytes: Some(1 << 30) },
        3 => Change::OomGroup { cgroup, on: true },
        4 => held(Holding::Part(What::Tmpfs)),
        _ => held(Holding::Tmpfs("/tmp".into())),
    };
    match decide_again(incident, &[question]) {
        Ok(answer) => {
            serde_json::to_string(&answer)?;
            Ok(true)
        }
        Err(refusal) => {
            ensure!(!refusal.to_string().is_empty(), "the refusal has no message");
            Ok(false)
        }
    }
}
