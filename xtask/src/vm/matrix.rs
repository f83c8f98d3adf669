//! Runs all cells: boots and judges them, and boots another guest for the rest if one was lost.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, mem, thread};

use anyhow::{Context, Result, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::compare::{Disagreement, Ending, judge, judge_panic};
use oomtrace_scenarios::job::{Job, RECORDING_FILE, Tier, Watch, Work};
use oomtrace_scenarios::observation::Observation;
use oomtrace_scenarios::scenario::Scenario;
use oomtrace_scenarios::text::Text;
use tempfile::NamedTempFile;

use super::guest::programs::{self, Programs};
use super::guest::{console, initramfs, modules, qemu, stream};
use super::{
    abreast,
    plan::{self, Batch},
};
use crate::{host::workspace, kernels::Kernel};

/// Seconds for a guest's boot, for each scenario, and for each run of a process in one.
const BOOT_S: u64 = 60;
const SCENARIO_S: u64 = 180;
const RUN_S: u64 = 2;
/// How often a cell may run again if only moving figures differ. A defect differs every time.
const RUNS_AGAIN: u32 = 2;

/// The parameters of a run.
pub(crate) struct Matrix {
    /// The kernels.
    pub(crate) kernels: Vec<Kernel>,
    /// The scenarios.
    pub(crate) scenarios: Vec<Scenario>,
    /// The tiers; `None` for a run without a tracer.
    pub(crate) tiers: Vec<Option<Tier>>,
    /// Guests at a time. If absent, [`abreast::usual`].
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Whether to keep the output of all guests.
    pub(crate) keep_log: bool,
    /// The deliberate fault of the tracer, if any.
    pub(crate) fault: Option<String>,
}

/// The results of a matrix.
pub(crate) struct Run {
    /// The guests' architecture.
    pub(crate) arch: Arch,
    /// Its cells in the order of their completion.
    pub(crate) cells: Vec<Cell>,
    /// How long it took, including the build.
    pub(crate) elapsed: Duration,
    /// The deliberate fault of the tracer, if any.
    pub(crate) fault: Option<String>,
}

impl Run {
    /// This run and another that came after it, on other kernels of the same architecture.
    pub(crate) fn followed_by(mut self, after: Self) -> Self {
        self.cells.extend(after.cells);
        self.elapsed += after.elapsed;
        self
    }
}

/// One scenario on one kernel with one tier.
pub(crate) struct Cell {
    /// The kernel's series.
    pub(crate) series: String,
    /// The scenario's name.
    pub(crate) scenario: String,
    /// The tier, or `-` without a tracer.
    pub(crate) tier: &'static str,
    /// Its result.
    pub(crate) verdict: Verdict,
    /// Milliseconds it took in the guest.
    pub(crate) elapsed_ms: u64,
    /// How often it ran before this.
    pub(crate) ran: u32,
}

impl Cell {
    /// Whether to run it again: witnesses and report differ only in figures that changed between the two readings.
    fn only_moved(&self) -> bool {
        let Verdict::Disagrees(all) = &self.verdict else { return false };
        self.ran < RUNS_AGAIN && all.iter().all(Disagreement::may_have_moved)
    }
}

/// The result of a cell.
pub(crate) enum Verdict {
    /// Every witness agrees.
    Agrees,
    /// Some witness disagrees.
    Disagrees(Vec<Disagreement>),
    /// The kernel lacks this feature, which the guest checked.
    NotApplicable(String),
    /// It could not run, for this reason.
    Skipped(&'static str),
    /// The scenario could not run to its end.
    Broken(String),
    /// The guest went down or hung. Contains the end of its console.
    Lost(String),
}

impl Verdict {
    /// Whether this counts as a failure.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self, Self::Agrees | Self::NotApplicable(_) | Self::Skipped(_))
    }

    /// The reason, in lines. Empty for a cell that agrees.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Agrees => String::new(),
            Self::Disagrees(all) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            Self::NotApplicable(feature) => format!("the kernel has no {feature}"),
            Self::Skipped(reason) => (*reason).to_owned(),
            Self::Broken(reason) | Self::Lost(reason) => reason.clone(),
        }
    }
}

impl Matrix {
    /// Run every cell and print each result to standard output.
    pub(crate) fn run(&self) -> Result<Run> {
        let start = Instant::now();
        let with_tracer = self.tiers.iter().any(Option::is_some);
        let arch = self.arch()?;
        let programs = if self.fault.is_some() {
            programs::build_with_faults(arch)
        } else {
            programs::build_for(arch, with_tracer)
        }?;
        let batches = Mutex::new(plan::batches(self.kernels.len(), &self.tiers, &self.scenarios));
        let logs = logs_folder()?;
        let (sender, cells) = mpsc::channel();
        let cells = thread::scope(|scope| {
            let (batches, programs, logs) = (&batches, &programs, &logs);
            for _ in 0..self.jobs.unwrap_or_else(abreast::usual).get() {
                let sender = sender.clone();
                scope.spawn(move || self.work(batches, programs, logs, &sender));
            }
            drop(sender);
            cells.iter().inspect(|cell| println!("{}", progress(cell))).collect()
        });
        Ok(Run { arch, cells, elapsed: start.elapsed(), fault: self.fault.clone() })
    }

    /// The architecture of all its kernels.
    fn arch(&self) -> Result<Arch> {
        let arch = self.kernels.first().context("a matrix without a kernel")?.arch;
        ensure!(self.kernels.iter().all(|kernel| kernel.arch == arch), "a matrix of several architectures");
        Ok(arch)
    }

    /// Run one batch after the other until there is none.
    fn work(&self, batches: &Mutex<VecDeque<Batch>>, programs: &Programs, logs: &Path, done: &Sender<Cell>) {
        let take = || batches.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        while let Some(mut batch) = take() {
            // A lost guest costs one scenario. The others get another guest.
            while !batch.scenarios.is_empty() {
                let finished = self.boot(&batch, programs, logs);
                let rest = batch.scenarios.split_off(finished.len().min(batch.scenarios.len()));
                let ran = mem::replace(&mut batch.scenarios, rest);
                for (scenario, cell) in ran.into_iter().zip(finished) {
                    if self.fault.is_none() && cell.only_moved() {
                        println!("{}\n    only moving figures differ: the cell runs again", progress(&cell));
                        let again = Batch { scenarios: vec![scenario], ran: cell.ran + 1, ..batch.clone() };
                        put_back(batches, again);
                    } else {
                        // The receiver lives as long as this scope.
                        drop(done.send(cell));
                    }
                }
            }
        }
    }

    /// Boot one guest. It gives at least one cell.
    fn boot(&self, batch: &Batch, programs: &Programs, logs: &Path) -> Vec<Cell> {
        if self.lacks_modules(batch) {
            let verdict = || Verdict::Skipped("Debian's suite has no modules for this kernel any more");
            return batch.scenarios.iter().map(|scenario| self.cell(batch, scenario, verdict(), 0)).collect();
        }
        match self.guest(batch, programs) {
            Ok(guest) => {
                let mut cells: Vec<Cell> = Vec::new();
                for (scenario, seen) in batch.scenarios.iter().zip(&guest.seen) {
                    let verdict = verdict(scenario, seen, &guest, batch.tier);
                    let cell = self.cell(batch, scenario, verdict, seen.elapsed_ms);
                    self.keep(&cell, Some(seen), &guest.console, logs);
                    cells.push(cell);
                }
                if let Some(scenario) = batch.scenarios.get(cells.len()) {
                    let cell = self.cell(batch, scenario, Verdict::Lost(guest.end), 0);
                    self.keep(&cell, None, &guest.console, logs);
                    cells.push(cell);
                }
                cells
            }
            Err(error) => {
                let broken = || Verdict::Broken(format!("{error:#}"));
                batch.scenarios.iter().map(|scenario| self.cell(batch, scenario, broken(), 0)).collect()
            }
        }
    }

    /// Whether the guest needs modules that the suite does not have any more.
    fn lacks_modules(&self, batch: &Batch) -> bool {
        let has = self.kernels.get(batch.kernel).is_some_and(|kernel| kernel.modules.is_some());
        !has && batch.scenarios.iter().any(|scenario| scenario.machine.swap_mib > 0)
    }

    fn guest(&self, batch: &Batch, programs: &Programs) -> Result<Guest> {
        let kernel = self.kernels.get(batch.kernel).context("a batch without a kernel")?;
        let machine = &batch.scenarios.first().context("a batch without a scenario")?.machine;
        let runs: usize = batch.scenarios.iter().flat_map(|s| &s.processes).map(|process| process.runs).sum();
        let deadline_s =
            BOOT_S + SCENARIO_S * u64::try_from(batch.scenarios.len())? + RUN_S * u64::try_from(runs)?;
        let watch = batch.tier.map(|tier| Watch {
            tier,
            fault: self.fault.clone(),
            recording: Some(RECORDING_FILE.to_owned()),
            keep: self.keep_log,
            forecast_s: None,
        });
        let work = Work::Scenarios { scenarios: batch.scenarios.clone(), watch };
        let (hierarchy, swap_mib) = (machine.hierarchy, machine.swap_mib);
        let job = Job { hierarchy, swap_mib, disk: false, tracefs: true, deadline_s, work };
        let limit = Duration::from_secs(deadline_s + BOOT_S);
        let initramfs = |job: &Job| -> Result<NamedTempFile> {
            initramfs::of_guest(programs, modules::of_machine(kernel, machine)?, &[], job)
        };
        let ran = match batch
            .booted(kernel, machine, || initramfs(&Job { work: Work::FromPort, ..job.clone() }))?
        {
            Some(booted) => booted.run(kernel, machine, &job, limit)?,
            None => qemu::boot(kernel, initramfs(&job)?.path(), machine, limit)?,
        };
        ensure!(!ran.console.is_empty() || !ran.output.is_empty(), "QEMU did not run: {}", ran.complaint);
        let stream = stream::parse(&ran.output)?;
        let end = format!("the guest was lost; {}", console::end(&ran));
        Ok(Guest { seen: stream.documents, console: ran.console, hung: ran.timed_out, end })
    }

    fn cell(&self, batch: &Batch, scenario: &Scenario, verdict: Verdict, elapsed_ms: u64) -> Cell {
        Cell {
            series: self.kernels.get(batch.kernel).map(|kernel| kernel.series.clone()).unwrap_or_default(),
            scenario: scenario.name.clone(),
            tier: batch.tier.map_or("-", Tier::name),
            verdict,
            elapsed_ms,
            ran: batch.ran,
        }
    }

    /// Keep the guest's output for later inspection.
    fn keep(&self, cell: &Cell, seen: Option<&Observation>, console: &str, logs: &Path) {
        if !self.keep_log && !cell.verdict.is_failure() {
            return;
        }
        let fault = self.fault.as_ref().map(|fault| format!("-{}", fault.replace(':', "-")));
        let arch = match self.kernels.first().map(|kernel| kernel.arch) {
            Some(Arch::Aarch64) => "aarch64-",
            Some(Arch::X86_64) | None => "",
        };
        let fault = fault.unwrap_or_default();
        let name = format!("{arch}{}-{}-{}{fault}", cell.series, cell.tier, cell.scenario);
        let document = seen.and_then(|seen| serde_json::to_vec_pretty(seen).ok());
        let recording = seen.and_then(|seen| seen.tracer.as_ref()?.recording.as_ref());
        let parts = [
            ("json", document.as_deref()),
            ("oomtrace", recording.map(Text::as_bytes)),
            ("console", Some(console.as_bytes())),
        ];
        for (extension, bytes) in parts {
            let file = logs.join(format!("{name}.{extension}"));
            if let Some(Err(error)) = bytes.map(|bytes| fs::write(&file, bytes)) {
                eprintln!("keeping {}: {error}", file.display());
            }
        }
    }
}

/// Put the batch first in the queue.
fn put_back(batches: &Mutex<VecDeque<Batch>>, batch: Batch) {
    batches.lock().unwrap_or_else(PoisonError::into_inner).push_front(batch);
}

/// The results of one guest.
struct Guest {
    seen: Vec<Observation>,
    console: String,
    /// Whether it had to be killed.
    hung: bool,
    end: String,
}

fn verdict(scenario: &Scenario, seen: &Observation, guest: &Guest, tier: Option<Tier>) -> Verdict {
    if let Some(feature) = &seen.not_applicable {
        return Verdict::NotApplicable(feature.clone());
    }
    if let Some(failure) = &seen.failure {
        return Verdict::Broken(failure.clone());
    }
    let judged = if scenario.expect.panic.is_some() {
        judge_panic(scenario, &Ending { sent: &guest.seen, console: &guest.console, hung: guest.hung }, tier)
    } else {
        judge(scenario, seen, tier)
    };
    match judged {
        disagreements if disagreements.is_empty() => Verdict::Agrees,
        disagreements => Verdict::Disagrees(disagreements),
    }
}

/// The directory of logs: `vm` in cargo's target directory.
fn logs_folder() -> Result<PathBuf> {
    let directory = workspace::target().join("vm");
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    Ok(directory)
}

fn progress(cell: &Cell) -> String {
    let Cell { series, scenario, tier, verdict, elapsed_ms, .. } = cell;
    let word = match verdict {
        Verdict::Agrees => "ok",
        Verdict::Disagrees(_) => "disagrees",
        Verdict::NotApplicable(_) => "not applicable",
        Verdict::Skipped(_) => "skipped",
        Verdict::Broken(_) => "broken",
        Verdict::Lost(_) => "lost",
    };
    let reason = verdict.reason().replace('\n', "\n    ");
    let reason = if reason.is_empty() { reason } else { format!("\n    {reason}") };
    format!("{series:<6} {tier:<10} {scenario:<24} {word} ({elapsed_ms} ms){reason}")
}
