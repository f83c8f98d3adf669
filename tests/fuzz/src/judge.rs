//! What must hold of every input, however damaged: an end without a panic, an error that names the place, and never a report
//! that is not true.

use std::collections::BTreeSet;

use crate::{
    corpus::Corpus,
    mutate::{Damage, Input},
    tally::Tally,
};
use anyhow::{Context as _, Result, bail, ensure};
use oomtrace::{
    decode::decode,
    frame::{Frame, HEADER_BYTES as FRAME_HEADER_BYTES},
    incident::Incident,
    pipeline::Incidents,
    recording::{BLOCK_BYTES, ReadError, Reader},
    report::{ClosedBy, Report, report},
    sink::html::{Overview, page},
    source::replay::Replay,
    whatif::{Change, Who, decide_again},
};

/// One of so many inputs becomes pages, too: that takes longer than all the rest.
const PAGES: u64 = 16;

/// What is known of the recordings before they are damaged.
pub(crate) struct Judge {
    truths: Vec<Truth>,
}

/// A recording's frames, and the reports of its incidents.
struct Truth {
    frames: Vec<Vec<u8>>,
    reports: BTreeSet<String>,
    /// The same without what is looked up last.
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

    /// Judges one.
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

/// Frame by frame: where it stops it says so, at a place in the file.
fn read(bytes: &[u8], truth: Option<&Truth>, tally: &mut Tally) -> Result<()> {
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(ReadError::NotARecording | ReadError::Newer { .. }) => {
            tally.refused += 1;
            ensure!(truth.is_none(), "a good header was refused");
            return Ok(());
        }
        Err(error) => bail!("a good input failed: {error}"),
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
        ensure!(reader.offset() > offset, "it does not move on at {offset}");
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
        bail!("an input that is there failed: {error}")
    };
    ensure!(*told == offset, "it stopped at {offset} and says {told}");
    ensure!(error.to_string().contains(&format!("byte {offset} ")), "no place in: {error}");
    // What a file lacks of its last block's padding is passed over.
    ensure!(offset <= u64::try_from(length + BLOCK_BYTES)?, "{offset} is behind the end, {length}");
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
            "no place in: {error}"
        );
    }
    Ok(())
}

/// A frame that is none says how many bytes there are, or at which one it ends.
fn places(words: &str, length: usize) -> Result<()> {
    let mut numbers =
        words.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok());
    ensure!(numbers.any(|number: usize| number <= length), "no place in: {words}");
    Ok(())
}

/// The incidents of a file, and what stopped the reading.
fn incidents(bytes: &[u8]) -> Result<(Vec<Incident>, Option<String>)> {
    let Ok(reader) = Reader::new(bytes) else { return Ok((Vec::new(), None)) };
    let mut incidents = Vec::new();
    for incident in Incidents::new(Replay::new(reader)) {
        match incident {
            Ok(incident) => incidents.push(incident),
            // There is nothing behind it in one file.
            Err(error) => return Ok((incidents, Some(error.to_string()))),
        }
    }
    Ok((incidents, None))
}

/// A report is JSON, and one that is whole is one of the true ones.
fn tell(report: &Report, truth: Option<&Truth>) -> Result<()> {
    let json = lasting(report)?;
    ensure!(json.starts_with("{\"schema\":1,") && json.ends_with('}'), "no report: {json}");
    let is_whole = report.status.complete && report.status.closed_by == Some(ClosedBy::Kernel);
    if let Some(truth) = truth.filter(|_| is_whole) {
        let is_early = || Ok::<_, anyhow::Error>(truth.early.contains(&lasting(&early(report))?));
        let is_true = truth.reports.contains(&json) || (lacks_surroundings(report) && is_early()?);
        ensure!(is_true, "it is not true: {json}");
    }
    Ok(())
}

/// Whether a recording ends before the surroundings of the incident, which are read last and not awaited.
fn lacks_surroundings(report: &Report) -> bool {
    report.machine.as_ref().is_none_or(|machine| machine.tmpfs.is_none())
}

/// What was there before anything was looked up that stays: without the surroundings, the names of calls and the history, and without
/// the conclusions from those.
fn early(report: &Report) -> Report {
    let mut early = Report { machine: None, account: None, lead_up: None, ..report.clone() };
    early.cause.summary.clear();
    let allocation = &mut early.allocation;
    (allocation.kind, allocation.syscall, allocation.stack, allocation.user_stack) = (None, None, None, None);
    early
}

/// What cannot change any more once an incident is whole. The passes that kill nobody go on while its victim's memory is
/// given back, and are counted for as long as there is a recording.
fn lasting(report: &Report) -> Result<String> {
    Ok(serde_json::to_string(&Report { empty_passes: None, ..report.clone() })?)
}

/// A page is whole, and nothing in it runs.
fn shown(page: &str) -> Result<()> {
    let lower = page.to_lowercase();
    ensure!(page.ends_with("</html>"), "it ends in the middle");
    ensure!(!lower.contains("<script") && !lower.contains("<img"), "it has an element of a name's making");
    Ok(())
}

/// Asks one of the questions; whether it was answered.
fn ask(incident: &Incident, report: &Report, number: u64) -> Result<bool> {
    let cgroup = report.domain.cgroup.clone().unwrap_or_else(|| "/".into());
    let pid = report.selection.runner_up_pid.unwrap_or(1);
    let question = match number % 4 {
        0 => Change::Adj { who: Who::Pid(pid), adj: 1000 },
        1 => Change::AllocatingTask(true),
        2 => Change::Limit { cgroup, bytes: Some(1 << 30) },
        _ => Change::OomGroup { cgroup, on: true },
    };
    match decide_again(incident, &[question]) {
        Ok(answer) => {
            serde_json::to_string(&answer)?;
            Ok(true)
        }
        Err(refusal) => {
            ensure!(!refusal.to_string().is_empty(), "refused without a word");
            Ok(false)
        }
    }
}
