//! The tracer that watches a scenario.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use oomtrace_scenarios::job::{FAULT_VARIABLE, TRACER_FILE, Watch};
use oomtrace_scenarios::observation::{Replay, TracerRun};
use oomtrace_scenarios::scenario::Expect;
use oomtrace_scenarios::text::Text;
use rustix::process::Signal;

use crate::processes::{Process, Processes};

/// The time limit until the tracer's hooks are in place. Emulation on a busy machine is slow.
const ARMING: Duration = Duration::from_secs(120);
/// The time limit for reports after the last process has died. The wait ends as soon as the reports arrive.
const REPORTING: Duration = Duration::from_secs(30);
/// The time limit for the tracer to exit.
const ENDING: Duration = Duration::from_secs(10);

/// The time limit for replaying a recording.
const REPLAYING: Duration = Duration::from_secs(60);

/// A running tracer.
pub(crate) struct Tracer {
    number: usize,
    armed_ms: u64,
    how: Watch,
}

impl Tracer {
    /// Start the tracer and wait until its hooks are in place.
    pub(crate) fn start(processes: &mut Processes, how: &Watch, stdout: Stdio) -> Result<Self> {
        let start = Instant::now();
        let mut command = Command::new(TRACER_FILE);
        command.args(["watch", "--format", "json", "--tier", how.tier.name()]);
        command.envs(how.fault.as_ref().map(|fault| (FAULT_VARIABLE, fault)));
        command.args(how.recording.iter().flat_map(|file| ["--record", file]));
        command
            .args(how.forecast_s.iter().flat_map(|horizon| ["--forecast".to_owned(), horizon.to_string()]));
        let number = processes.start(command.current_dir("/tmp").stdout(stdout))?;
        let armed = |p: &Processes| p.get(number).is_ok_and(|tracer| tracer.err_holds("armed"));
        let over = |p: &Processes| p.get(number).is_ok_and(Process::is_over);
        processes.until(start + ARMING, |p| armed(p) || over(p))?;
        if !armed(processes) {
            let tracer = processes.get(number)?;
            let said = text(&tracer.err);
            bail!("the tracer did not arm (status {:?}); its standard error: {said}", tracer.status);
        }
        Ok(Self { number, armed_ms: u64::try_from(start.elapsed().as_millis())?, how: how.clone() })
    }

    /// Whether its lines meet a condition before the deadline.
    pub(crate) fn has_told(
        &self,
        awaited: impl Fn(&[Vec<u8>]) -> bool,
        deadline: Instant,
        processes: &mut Processes,
    ) -> Result<bool> {
        processes.until(deadline, |p| p.get(self.number).is_ok_and(|tracer| awaited(&tracer.out)))
    }

    /// The run so far, which only says that the tracer is armed.
    pub(crate) fn so_far(&self) -> TracerRun {
        TracerRun { armed_ms: Some(self.armed_ms), ..TracerRun::default() }
    }

    /// Wait for the reports, stop the tracer, and return all its output.
    pub(crate) fn finish(self, processes: &mut Processes, expect: &Expect) -> Result<TracerRun> {
        let reports = expect.reports(self.how.tier);
        self.has_told(|lines| lines.len() >= reports, Instant::now() + REPORTING, processes)?;
        let lines_live = processes.get(self.number)?.out.len();
        processes.signal(self.number, Signal::TERM)?;
        let over = |p: &Processes| p.get(self.number).is_ok_and(Process::is_over);
        processes.until(Instant::now() + ENDING, over)?;
        let recording = self.how.recording.as_ref();
        let replay = recording.map(|file| self.replay(file, processes)).transpose()?;
        let tracer = processes.get(self.number)?;
        Ok(TracerRun {
            lines: tracer.out.iter().map(|line| line.as_slice().into()).collect(),
            lines_live,
            stderr: text(&tracer.err),
            status: tracer.status,
            armed_ms: Some(self.armed_ms),
            replay,
            recording: self.recording()?,
        })
    }

    /// Wait until its standard error contains a word.
    pub(crate) fn must_say(&self, word: &str, processes: &mut Processes) -> Result<()> {
        let said = |p: &Processes| p.get(self.number).is_ok_and(|tracer| tracer.err_holds(word));
        if processes.until(Instant::now() + REPORTING, said)? {
            return Ok(());
        }
        bail!(
            "the tracer did not print `{word}`; its standard error: {}",
            text(&processes.get(self.number)?.err)
        );
    }

    /// Send it a signal.
    pub(crate) fn signal(&self, signal: Signal, processes: &Processes) -> Result<()> {
        processes.signal(self.number, signal)
    }

    /// Stop the tracer and return all its output.
    pub(crate) fn end(self, processes: &mut Processes) -> Result<&Process> {
        self.end_within(ENDING, processes)
    }

    /// The same with another time limit.
    pub(crate) fn end_within(self, limit: Duration, processes: &mut Processes) -> Result<&Process> {
        processes.signal(self.number, Signal::TERM)?;
        let over = |p: &Processes| p.get(self.number).is_ok_and(Process::is_over);
        processes.until(Instant::now() + limit, over)?;
        processes.get(self.number)
    }

    /// The recording, if the job requests it.
    fn recording(&self) -> Result<Option<Text>> {
        let Some(file) = self.how.recording.as_ref().filter(|_| self.how.keep) else { return Ok(None) };
        let bytes = fs::read(file).with_context(|| format!("reading {file}"))?;
        Ok(Some(bytes.as_slice().into()))
    }

    /// Replay the recording.
    fn replay(&self, file: &str, processes: &mut Processes) -> Result<Replay> {
        let mut command = Command::new(TRACER_FILE);
        command.args(["replay", file, "--format", "json"]);
        command.envs(self.how.fault.as_ref().map(|fault| (FAULT_VARIABLE, fault)));
        let number = processes.start(command.stdout(Stdio::piped()))?;
        let over = |p: &Processes| p.get(number).is_ok_and(Process::is_over);
        processes.until(Instant::now() + REPLAYING, over)?;
        let replay = processes.get(number)?;
        Ok(Replay {
            lines: replay.out.iter().map(|line| line.as_slice().into()).collect(),
            stderr: text(&replay.err),
            status: replay.status,
        })
    }
}

/// The lines joined again.
pub(crate) fn text(lines: &[Vec<u8>]) -> Text {
    lines.join(&b'\n').as_slice().into()
}
