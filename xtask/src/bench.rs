//! `cargo xtask bench`: measures the figures of `docs/benchmarks.md` on this machine and prints them as its table. No test
//! asserts them, because other programs use the machine as well.

mod clock;
mod consumers;
mod figures;
mod found;
mod guest;
mod kills;
mod list;
mod names;
mod programs;
mod recording;
mod replay;
mod rest;
mod start;
mod storm;
mod tracer;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use oomtrace_scenarios::job::Tier;
use tempfile::TempDir;

use crate::{
    host::{
        run::{output, say},
        scratch::{self, Scratch},
        setup,
    },
    test,
    vm::{self, guest::programs as programs_of_tests},
};

/// Memory limit of the scratch cgroups. The smallest hog exceeds it and is killed at once.
const LIMIT_BYTES: u64 = 2 << 20;

/// `cargo xtask bench`
#[derive(Args)]
pub(crate) struct Arguments {
    /// Starts of the tracer
    #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// Kills one after the other
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Kills as fast as they come, with the tracer and without
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    storm: u32,
    /// Size of the recording that is replayed, in MB
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4096))]
    replay_mb: u64,
    /// Incidents that are listed
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    list: u64,
    /// Compare the start and the memory of these builds of oomtrace, started in turn, and nothing else; repeatable. With --guest, take
    /// this build for the guests
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kills", "storm", "replay_mb", "list"])]
    program: Vec<PathBuf>,
    /// Count how often an idle tracer wakes up in so many seconds, and nothing else
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["starts", "kills", "storm", "replay_mb", "list", "program"])]
    rest: Option<u64>,
    /// Compare a tracer with the names of so many containers to one without names, started in turn, and nothing else
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["starts", "kills", "storm", "replay_mb", "list", "program", "rest"])]
    names: Option<usize>,
    /// Count in how many of so many kills of each kind the reports have command lines and executables, and nothing else: on
    /// this machine, or with --guest in guests, by default of 6.12 and 7.3
    #[arg(long, value_name = "KILLS", conflicts_with_all = ["starts", "kills", "storm", "replay_mb", "list", "program", "rest", "names"])]
    found: Option<usize>,
    /// Measure in this many kills whether commands, scrapers and clients that hang, fail, fork and flood delay a report, and how much
    /// memory their thread takes, and nothing else
    #[arg(long, value_name = "KILLS", conflicts_with_all = ["starts", "kills", "storm", "replay_mb", "list", "program", "rest"])]
    consumers: Option<u32>,
    /// Let a Prometheus scrape the tracer in a storm of this many kills, compare its sums with the JSON and the kernel's counters, and
    /// nothing else
    #[arg(long, value_name = "KILLS", conflicts_with_all = ["starts", "kills", "storm", "replay_mb", "list", "program", "rest", "consumers"])]
    prometheus: Option<usize>,
    /// Measure in guests what a decision costs with the tracer and without, and nothing else; by default on 5.10 and 7.3
    #[arg(long, value_name = "SERIES", num_args = 0.., conflicts_with_all = ["starts", "kills", "storm", "replay_mb", "list"])]
    guest: Option<Vec<String>>,
    /// How many small processes are in the cgroup that runs out of memory; repeatable
    #[arg(long, requires = "guest", default_values_t = [4000, 10_000])]
    crowd: Vec<u32>,
    /// Decisions without the tracer, and as many with it, twice over
    #[arg(long, requires = "guest", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    decisions: u32,
    /// Nodes of the guest's memory
    #[arg(long, requires = "guest", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=8))]
    nodes: u32,
    /// Decisions of the whole machine, which SysRq-f requests, instead of those of a cgroup
    #[arg(long, requires = "guest")]
    of_machine: bool,
    /// Only this tier (fentry, kprobe); repeatable
    #[arg(long, requires = "guest", value_parser = vm::tier)]
    tier: Vec<Tier>,
}

/// The programs and directories that every measurement uses.
struct Bench {
    oomtrace: PathBuf,
    hog: PathBuf,
    /// The directory in which cgroups are created.
    hierarchy: PathBuf,
    /// The directory for recordings, which is removed at the end.
    folder: TempDir,
}

impl Bench {
    fn scratch(&self, name: &str) -> Result<Scratch> {
        Scratch::new(&self.hierarchy, name.as_bytes(), LIMIT_BYTES)
    }
}

/// Builds the programs, measures, and prints the table.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    if let Some(kills) = arguments.found {
        return found::task(kills, arguments);
    }
    if let Some(series) = &arguments.guest {
        return guest::measure(series, arguments);
    }
    ensure!(setup::is_root()?, "tracing and making cgroups take root: run `sudo cargo xtask bench`");
    if !arguments.program.is_empty() {
        let load = load()?;
        let (tier, rows) = start::compare(&arguments.program, arguments.starts)?;
        print!("{}\n{}", machine(tier.as_str(), &load)?, figures::table(&rows));
        return Ok(());
    }
    if let Some(count) = arguments.names {
        let load = load()?;
        let (tier, rows) = names::measure(&quickly_built()?, count.max(1))?;
        print!("{}\n{}", machine(&tier, &load)?, figures::table(&rows));
        return Ok(());
    }
    if let Some(kills) = arguments.prometheus {
        return test::local::prometheus(kills);
    }
    let bench = prepare()?;
    if let Some(kills) = arguments.consumers {
        let load = load()?;
        let rows = consumers::measure(&bench, kills)?;
        print!("{}\n{}", machine("auto", &load)?, figures::table(&rows));
        return Ok(());
    }
    if let Some(seconds) = arguments.rest {
        let rows = rest::measure(&bench.oomtrace, Duration::from_secs(seconds))?;
        print!("{}", figures::table(&rows));
        return Ok(());
    }
    let load = load()?;
    everything(&bench, arguments, &load)
}

/// Measures the figures of a plain run.
fn everything(bench: &Bench, arguments: &Arguments, load: &str) -> Result<()> {
    say(&format!("{} starts", arguments.starts));
    let (tier, mut rows) = start::measure(bench, arguments.starts)?;
    say(&format!("{} kills one after the other", arguments.kills));
    rows.extend(kills::measure(bench, arguments.kills)?);
    say(&format!("{} kills as fast as they come, twice", arguments.storm));
    let (recording, of_storm) = storm::measure(bench, arguments.storm)?;
    rows.extend(of_storm);
    say(&format!("replaying {} MB", arguments.replay_mb));
    rows.extend(replay::measure(bench, &recording, arguments.replay_mb * 1_000_000)?);
    say(&format!("listing {} incidents", arguments.list));
    rows.extend(list::measure(bench, &recording, arguments.list)?);
    print!("{}\n{}", machine(tier.as_str(), load)?, figures::table(&rows));
    Ok(())
}

fn prepare() -> Result<Bench> {
    say("building oomtrace and the hog (release)");
    let (oomtrace, hog) =
        (programs::build("oomtrace", "oomtrace")?, programs::build("oomtrace-hog", "oomtrace-hog")?);
    let hierarchy =
        scratch::hierarchy().context("no cgroup hierarchy with the memory controller can be written here")?;
    let folder = TempDir::new().context("making a folder for recordings")?;
    Ok(Bench { oomtrace, hog, hierarchy, folder })
}

/// Prepares with the programs of the tests, which are built faster. Where tracers are compared with each other, this suffices.
fn quickly_built() -> Result<Bench> {
    let built = programs_of_tests::build(true)?;
    let hierarchy =
        scratch::hierarchy().context("no cgroup hierarchy with the memory controller can be written here")?;
    let folder = TempDir::new().context("making a folder for recordings")?;
    let program = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .context("making a program executable")?;
        Ok::<PathBuf, anyhow::Error>(path)
    };
    let oomtrace = program("oomtrace", &built.tracer.context("no tracer was built")?)?;
    let hog = program("hog", &built.hog)?;
    Ok(Bench { oomtrace, hog, hierarchy, folder })
}

/// Describes the machine and its load during the measurement.
fn machine(tier: &str, load_before: &str) -> Result<String> {
    let kernel = output(std::process::Command::new("uname").arg("-rm"))?;
    let cpus = std::thread::available_parallelism().context("counting CPUs")?;
    Ok(format!(
        "Linux {}, {cpus} CPUs, tier {tier}; load {load_before} before and {} after\n",
        kernel.trim(),
        load()?
    ))
}

/// Returns the load average of the last minute.
fn load() -> Result<String> {
    let text = fs::read_to_string("/proc/loadavg").context("reading /proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}
