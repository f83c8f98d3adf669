//! `cargo xtask vm`: runs every kind of OOM on every kernel series, in throwaway guests.

pub(crate) mod abreast;
mod acts;
pub(crate) mod commands;
mod compatibility;
mod debian_guest;
pub(crate) mod experiments;
pub(crate) mod guest;
mod killers;
mod matrix;
mod panic;
mod plan;
pub(crate) mod read_only;
pub(crate) mod reset;
mod runtimes;
mod systemd;
mod table;

use self::guest::programs;
use self::matrix::Run;
use std::num::NonZeroUsize;

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::scenario::{self, Scenario};

pub(crate) use self::guest::qemu::{boot_with, install as install_qemu};
pub(crate) use self::matrix::{Cell, Matrix, Verdict};
pub(crate) use self::table::render;
use crate::{host::run::say, kernels};

/// The series of a plain `cargo xtask vm`.
fn usual_series(arch: Arch) -> [&'static str; 5] {
    match arch {
        Arch::X86_64 => ["5.10", "6.1", "6.12", "6.18", "7.3"],
        Arch::Aarch64 => ["5.10", "6.1", "6.12", "7.3", "7.3-16k"],
    }
}

/// `cargo xtask vm`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Kernel series (default: 5.10, 6.1, 6.12, 6.18 and 7.3; for aarch64, 7.3-16k instead of 6.18). The cloud kernel's other
    /// flavours are named after the numbers: 6.12-full, 6.12-rt, 6.12-16k
    series: Vec<String>,
    /// Run the x86_64 kernels that are not among the usual series: other flavours, and series in between
    #[arg(long, conflicts_with_all = ["series", "arch"])]
    nightly: bool,
    /// Architecture of the guests: x86_64 or aarch64
    #[arg(long, default_value_t = Arch::X86_64, value_parser = kernels::arch)]
    arch: Arch,
    /// Only this scenario; repeatable
    #[arg(long)]
    scenario: Vec<String>,
    /// Only this tier (fentry, kprobe, tracepoint); repeatable
    #[arg(long, value_parser = tier)]
    tier: Vec<Tier>,
    /// Guests at a time (default: three for two processors)
    #[arg(short)]
    jobs: Option<NonZeroUsize>,
    /// Keep the output, the recording and the console of every guest below target/vm; otherwise only output and console of
    /// failed cells are kept
    #[arg(long)]
    keep_log: bool,
    /// Run no tracer: only check that each scenario does what it states
    #[arg(long, conflicts_with = "tier")]
    no_tracer: bool,
    /// Run a tracer that is wrong in one place, such as rule:memcg_limit: the cells must then disagree
    #[arg(long, conflicts_with = "no_tracer")]
    fault: Option<String>,
    /// Write the results into docs/compatibility.md; other cells stay as they are
    #[arg(long, conflicts_with_all = ["no_tracer", "fault"])]
    write_compatibility: bool,
    /// Run experiments instead of scenarios: check the predictions of `oomtrace whatif`
    #[arg(long, conflicts_with_all = ["scenario", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility"])]
    experiments: bool,
    /// Record to a disk while a guest runs out of memory, reset it, and read the recording after the next boot
    #[arg(long, conflicts_with_all = ["scenario", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility", "experiments"])]
    reset: bool,
    /// Record to a disk that becomes read-only meanwhile, and writable again later
    #[arg(long, conflicts_with_all = ["scenario", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility", "experiments", "reset"])]
    read_only: bool,
    /// Record with forecasts to a disk until the kernel panics (`vm.panic_on_oom`), and read the last forecast after the next boot
    #[arg(long, conflicts_with_all = ["scenario", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility", "experiments", "reset", "read_only"])]
    panic: bool,
    /// Kill 2105 and 10000 processes, or this many, with one write to cgroup.kill. The guest with 10000 needs 2.6 GiB of memory, and
    /// one with 50000 needs 10 GiB
    #[arg(long, value_name = "PROCESSES", num_args = 0..=1, require_equals = true, conflicts_with_all = ["scenario", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility", "experiments", "reset", "read_only", "panic"])]
    #[expect(clippy::option_option, reason = "the flag, and its value")]
    acts: Option<Option<u32>>,
    /// Kill in containers of each runtime, and in units, scopes and sessions, of a Debian system with systemd, by default on
    /// 6.12 and 7.3: each report must have their names
    #[arg(long, conflicts_with_all = ["scenario", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility", "experiments", "reset", "read_only", "panic", "acts", "tier", "arch"])]
    runtimes: bool,
    /// Let earlyoom, systemd-oomd and systemd's OOMPolicy= kill in a Debian system with systemd, by default on 6.12, and stop services
    /// in ordinary ways: each kill for memory must be one report with its sender, and the ordinary stops none
    #[arg(long, conflicts_with_all = ["scenario", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility", "experiments", "reset", "read_only", "panic", "acts", "tier", "arch", "runtimes", "nightly"])]
    killers: bool,
    /// With --killers: the guest's suite of Debian. In forky and later, systemd-oomd announces what it kills, which must be reported
    #[arg(long, default_value = killers::SUITE, requires = "killers")]
    suite: String,
    /// Run the tracer as a service of real systemd in a guest with Debian: readiness, sandbox, journal, `why`, restart
    #[arg(long, conflicts_with_all = ["series", "arch", "scenario", "tier", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility", "experiments", "reset", "read_only", "panic", "acts"])]
    systemd: bool,
    /// Measure in a guest, by default on 6.12, what the tracing thread takes from the kernel in storms of kills: plain ones, of a
    /// group, and with 300 candidates
    #[arg(long, conflicts_with_all = ["arch", "scenario", "tier", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility", "experiments", "reset", "read_only", "acts", "systemd"])]
    reserve: bool,
    /// End this many processes in a guest with systemd, by default on 6.12, in random ways that look alike (OOM by cgroup, group or
    /// machine, signals, timeouts, exit 137), and ask `oomtrace why` about each
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["arch", "scenario", "tier", "no_tracer", "jobs", "keep_log", "fault", "write_compatibility", "experiments", "reset", "read_only", "panic", "acts", "systemd"])]
    endings: Option<u32>,
    /// With --endings: begins the sequence of random numbers
    #[arg(long, default_value_t = 1, requires = "endings")]
    seed: u16,
}

/// The series of `--nightly`.
const NIGHTLY: [&str; 10] =
    ["5.10-full", "6.1-full", "6.12-full", "6.12-rt", "6.16", "6.19", "7.0", "7.2", "7.3-full", "7.3-rt"];

/// The series of `--runtimes`.
const RUNTIMES: [&str; 2] = ["6.12", "7.3"];

/// The series of `--killers`.
const KILLERS: &str = "6.12";

impl Arguments {
    /// The series to run. If none is given, the usual ones.
    fn series(&self) -> Vec<String> {
        match self.series.is_empty() {
            true if self.nightly => NIGHTLY.map(str::to_owned).to_vec(),
            true if self.runtimes => RUNTIMES.map(str::to_owned).to_vec(),
            true if self.killers => vec![KILLERS.to_owned()],
            _ => self.series.clone(),
        }
    }
}

/// Run the requested part and print the table.
pub(crate) fn task(options: &Arguments) -> Result<()> {
    install_qemu(options.arch)?;
    match special(options) {
        Some(result) => result,
        None => run_matrix(options),
    }
}

/// Run the requested test that is no matrix of scenarios, if there is one.
fn special(options: &Arguments) -> Option<Result<()>> {
    if options.systemd {
        return Some(systemd::check());
    }
    if options.reserve {
        return Some(systemd::reserve(&options.series));
    }
    if let Some(count) = options.endings {
        return Some(systemd::endings(&options.series, count, options.seed));
    }
    if options.experiments {
        return Some(try_predictions(options));
    }
    if options.reset {
        return Some(each(options, reset::survives, "the recording survived the reset"));
    }
    if options.runtimes {
        return Some(
            find_kernels(options.arch, &options.series()).and_then(|kernels| runtimes::task(&kernels)),
        );
    }
    if options.killers {
        return Some(
            find_kernels(options.arch, &options.series())
                .and_then(|kernels| killers::task(&kernels, &options.suite)),
        );
    }
    if let Some(count) = options.acts {
        let counted = |kernel: &_, programs: &_, tier| acts::are_counted(kernel, programs, tier, count);
        return Some(each(options, counted, "each act was one incident with the exact count"));
    }
    if options.panic {
        return Some(each(options, panic::leaves_a_forecast, "the forecast survived the panic"));
    }
    let passed = "recording continued when the disk was writable again";
    options.read_only.then(|| each(options, read_only::goes_on, passed))
}

fn run_matrix(options: &Arguments) -> Result<()> {
    let tiers = match (options.no_tracer, options.tier.as_slice()) {
        (true, _) => vec![None],
        (false, []) => Tier::ALL.map(Some).to_vec(),
        (false, chosen) => chosen.iter().copied().map(Some).collect(),
    };
    let mut matrix = Matrix {
        kernels: Vec::new(),
        scenarios: choose(&options.scenario)?,
        tiers,
        jobs: options.jobs,
        keep_log: options.keep_log,
        fault: options.fault.clone(),
    };
    let kernels = find_kernels(options.arch, &options.series())?;
    let run = if options.write_compatibility {
        run_and_write(&mut matrix, &kernels)?
    } else {
        matrix.kernels = kernels;
        matrix.run()?
    };
    print!("{}", render(&run));
    let cells = &run.cells;
    let failed = cells.iter().filter(|cell| cell.verdict.is_failure()).count();
    ensure!(failed == 0, "{failed} of {} cells failed", cells.len());
    Ok(())
}

/// Run one kernel after the other. The page gets the cells of each kernel at its end, so that an interrupted run keeps its finished
/// kernels. Before the last kernel, the page may not accept them: it may have failures of kernels that run later.
fn run_and_write(matrix: &mut Matrix, kernels: &[kernels::Kernel]) -> Result<Run> {
    let mut whole: Option<Run> = None;
    for (kernel, done) in kernels.iter().zip(1..) {
        matrix.kernels = vec![kernel.clone()];
        let run = matrix.run()?;
        let so_far = match whole.take() {
            Some(before) => before.followed_by(run),
            None => run,
        };
        match compatibility::write(kernels.get(..done).unwrap_or(kernels), &so_far) {
            Err(error) if done < kernels.len() => say(&format!("{error:#}")),
            written => written?,
        }
        whole = Some(so_far);
    }
    whole.context("a matrix without a kernel")
}

/// Run one test in a guest of each series and tier.
fn each(
    options: &Arguments,
    test: impl Fn(&kernels::Kernel, &programs::Programs, Tier) -> Result<()>,
    passed: &str,
) -> Result<()> {
    let programs = programs::build_for(options.arch, true)?;
    let tiers = if options.tier.is_empty() { Tier::ALL.to_vec() } else { options.tier.clone() };
    for kernel in find_kernels(options.arch, &options.series())? {
        for &tier in &tiers {
            test(&kernel, &programs, tier).with_context(|| format!("{} {}", kernel.series, tier.name()))?;
            println!("{:<6} {:<10} {passed}", kernel.series, tier.name());
        }
    }
    Ok(())
}

/// Run the experiments.
fn try_predictions(options: &Arguments) -> Result<()> {
    let kernels = find_kernels(options.arch, &options.series())?;
    let tiers = if options.tier.is_empty() { experiments::TIERS.to_vec() } else { options.tier.clone() };
    let tried = experiments::run(&kernels.iter().collect::<Vec<_>>(), &tiers)?;
    let failed = tried.iter().filter(|tried| tried.result.is_err()).count();
    ensure!(failed == 0, "{failed} of {} predictions did not come true", tried.len());
    Ok(())
}

/// The kernels of these series, fetched if needed.
pub(crate) fn find_kernels(arch: Arch, series: &[String]) -> Result<Vec<kernels::Kernel>> {
    let usual = || usual_series(arch).map(str::to_owned).to_vec();
    let series = if series.is_empty() { usual() } else { series.to_vec() };
    series
        .iter()
        .map(|name| {
            kernels::ensure_for(arch, name).with_context(|| format!("getting a kernel of series {name}"))
        })
        .collect()
}

/// The scenarios with these names. If none is given, all.
pub(crate) fn choose(names: &[String]) -> Result<Vec<Scenario>> {
    let all = scenario::all();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|scenario| scenario.name != **name)) {
        let known: Vec<&str> = all.iter().map(|scenario| scenario.name.as_str()).collect();
        bail!("no scenario `{unknown}`; expected one of {}", known.join(", "));
    }
    let chosen = |scenario: &Scenario| names.is_empty() || names.contains(&scenario.name);
    Ok(all.into_iter().filter(chosen).collect())
}

/// Parses the name of a tier.
pub(crate) fn tier(name: &str) -> Result<Tier, String> {
    let found = Tier::ALL.into_iter().find(|tier| tier.name() == name);
    found.ok_or_else(|| "expected fentry, kprobe or tracepoint".to_owned())
}
