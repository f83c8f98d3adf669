//! The directory of the result, and its summary on the terminal.

use std::{
    fs::{self, File},
    io::{IsTerminal as _, Write as _},
    os::fd::{AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, Result};
use rustix::fs::{Mode, OFlags, mkdirat, openat};

use super::ground::machine;
use crate::{
    cli::{self, TableFormat},
    cmd::{
        replay::open,
        shared::{html, say::say},
    },
    experiment::{
        plan::Plan,
        predict::{Asked, Prediction, predict},
        result::{Outcome, outcome},
        run::{NOBODY, Observed, Run, run},
    },
    incident::Incident,
    pipeline::{self, PipelineError},
    sink::terminal::experiment as text,
    source::{cgroup::cgroupfs::MemoryHierarchy, replay::Replay},
    trust::{Links, resolve},
};

const ADVICE: &str = "pass another directory with -o DIR";

/// A finished run.
pub(super) struct Kept {
    observed: Observed,
    incidents: Vec<Incident>,
    pub(super) run: Run,
}

impl Kept {
    /// Reads its recording, from which the result is computed.
    pub(super) fn read(plan: &Plan, observed: Observed, output: &Directory) -> Result<Self> {
        let recording = output.path().join(&observed.recording);
        let source = Replay::new(open(&recording)?);
        let incidents =
            pipeline::incidents(source).with_context(|| format!("reading {}", recording.display()))?;
        let variant = plan.variants.get(observed.variant).map_or("", |variant| &variant.name);
        let run = run(&observed, &incidents, variant);
        Ok(Self { observed, incidents, run })
    }
}

/// The directory of the result, held open, so that a user who renames it cannot redirect the result.
pub(super) struct Directory {
    held: OwnedFd,
    /// The path as the user gave it.
    shown: PathBuf,
}

impl Directory {
    /// Creates it. An existing directory is never written to.
    pub(super) fn create(wanted: Option<&Path>, file: &Path, bytes: &[u8]) -> Result<Self> {
        let shown = wanted.map_or_else(|| usual(file), Path::to_owned);
        let making = || {
            format!(
                "creating the directory {} for the result (an existing one is never overwritten)",
                shown.display()
            )
        };
        let place = resolve(&shown, Links::Trusted, ADVICE).with_context(making)?;
        mkdirat(&place.directory, &place.name, Mode::from_raw_mode(0o777)).with_context(making)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = openat(&place.directory, &place.name, flags, Mode::empty()).with_context(making)?;
        let directory = Self { held, shown };
        fs::create_dir(directory.path().join("runs")).context("creating the directory of the runs")?;
        // The plan as it was read, because the file may change later.
        fs::write(directory.path().join("experiment.toml"), bytes).context("writing experiment.toml")?;
        Ok(directory)
    }

    /// The directory itself, for this process and for a child that starts in it.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.held.as_raw_fd()))
    }
}

fn usual(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let now = time::OffsetDateTime::from(SystemTime::now());
    let (date, time) = (now.date(), now.time());
    PathBuf::from(format!("{stem}-{date}-{:02}{:02}{:02}", time.hour(), time.minute(), time.second()))
}

/// A short description of a run.
pub(super) fn in_short(run: &Run) -> String {
    let collateral = match run.collateral.len() {
        0 => String::new(),
        count => format!(", {count} collateral"),
    };
    let killed = if run.victim == NOBODY { "no kill".to_owned() } else { format!("{} killed", run.victim) };
    format!("{}: {killed}{collateral}", run.variant)
}

/// Writes and shows the result.
pub(super) fn publish(
    plan: &Plan,
    hierarchy: &MemoryHierarchy,
    output: &Directory,
    kept: Vec<Kept>,
    options: &cli::Experiment,
) -> Result<()> {
    let predictions = predictions(plan, &kept);
    let tier = kept.iter().flat_map(|kept| &kept.incidents).find_map(|incident| incident.session.clone());
    let machine = machine(hierarchy, tier.map(|session| session.tier.name().to_owned()));
    let outcome = outcome(plan, machine, kept.into_iter().map(|kept| kept.run).collect(), predictions);
    write(&outcome, &output.path()).context("writing the result")?;
    show(&outcome, options.format).map_err(PipelineError::Output)?;
    if let Some(file) = &options.html {
        html::experiment(&outcome, file)?;
    }
    say(format_args!("recordings and result.json are in {}", output.shown.display()));
    Ok(())
}

fn predictions(plan: &Plan, kept: &[Kept]) -> Vec<Prediction> {
    let asked: Vec<Asked<'_>> =
        kept.iter().map(|kept| Asked { observed: &kept.observed, incidents: &kept.incidents }).collect();
    let runs: Vec<Run> = kept.iter().map(|kept| kept.run.clone()).collect();
    let numbers = 0..plan.variants.len();
    let pairs = numbers.clone().flat_map(|from| numbers.clone().map(move |to| (from, to)));
    pairs.filter(|(from, to)| from != to).filter_map(|pair| predict(plan, pair, &asked, &runs)).collect()
}

/// Writes the result atomically.
fn write(outcome: &Outcome, output: &Path) -> Result<()> {
    let new = output.join("result.json.new");
    let mut file = File::create(&new)?;
    serde_json::to_writer_pretty(&mut file, outcome)?;
    writeln!(file)?;
    file.sync_all()?;
    fs::rename(new, output.join("result.json"))?;
    fs::write(output.join("result.txt"), text::text(outcome, false))?;
    Ok(())
}

fn show(outcome: &Outcome, format: TableFormat) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match format {
        TableFormat::Json => {
            serde_json::to_writer(&mut stdout, outcome)?;
            writeln!(stdout)?;
        }
        TableFormat::Text => {
            let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
            stdout.write_all(text::text(outcome, colour).as_bytes())?;
        }
    }
    stdout.flush()
}
