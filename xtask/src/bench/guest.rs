//! Measures the cost of a decision with and without the tracer in guests. A guest can boot any kernel that this machine has, and
//! not only the running one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::cost::{Ballot, FIXED_WORK, FixedWork, Measured, Plan, Program, as_float};
use oomtrace_scenarios::job::Tier;
use tempfile::TempDir;

use super::{Arguments, figures::Samples};
use crate::{
    host::run::{output, say},
    kernels::Kernel,
    vm::{self, commands, guest::programs},
};

/// The default series: the oldest and the newest.
const SERIES: [&str; 2] = ["5.10", "7.3"];
/// The tiers that see candidates.
const TIERS: [Tier; 2] = [Tier::Fentry, Tier::Kprobe];
/// How often decisions are measured without the tracer and then with it.
const ROUNDS: u32 = 2;
/// How often the fixed piece of work runs on this machine.
const TRIES: usize = 5;

/// The beginnings of the names of the programs that run once or twice for each candidate.
const PER_CANDIDATE: [&str; 2] = ["evaluate_task", "badness"];

/// Measures, and prints the table.
pub(super) fn measure(series: &[String], arguments: &Arguments) -> Result<()> {
    vm::install_qemu(Arch::X86_64)?;
    let usual = || SERIES.map(str::to_owned).to_vec();
    let kernels = vm::find_kernels(Arch::X86_64, &if series.is_empty() { usual() } else { series.to_vec() })?;
    let tiers = if arguments.tier.is_empty() { TIERS.to_vec() } else { arguments.tier.clone() };
    ensure!(!tiers.contains(&Tier::Tracepoint), "tracepoints alone do not see candidates");
    let programs = build(arguments)?;
    let here = fixed_work(&programs)?;
    print!("{}{}", line(&HEAD), line(&HEAD.map(|_| "---")));
    let mut notes = String::new();
    for kernel in &kernels {
        for &tier in &tiers {
            for measured in measure_one(kernel, &programs, tier, arguments)? {
                // Print each row at once, because the whole measurement takes long.
                print!("{}", row(&kernel.series, tier, &measured));
                notes.push_str(&note(&kernel.series, tier, &measured, &here));
            }
        }
    }
    print!("\n{notes}");
    Ok(())
}

/// Builds the programs. A build of the tracer that the command line names replaces the tracer.
fn build(arguments: &Arguments) -> Result<programs::Programs> {
    ensure!(arguments.program.len() < 2, "--guest takes one program");
    let Some(file) = arguments.program.first() else { return programs::build(true) };
    let tracer = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(programs::Programs { tracer: Some(tracer), ..programs::build(false)? })
}

fn measure_one(
    kernel: &Kernel,
    programs: &programs::Programs,
    tier: Tier,
    arguments: &Arguments,
) -> Result<Vec<Measured>> {
    say(&format!("decisions of {} with {} and without", kernel.series, tier.name()));
    let plan = Plan {
        tier,
        crowds: arguments.crowd.clone(),
        rounds: ROUNDS,
        decisions: arguments.decisions,
        of_machine: arguments.of_machine,
    };
    let all = commands::cost(kernel, programs, &plan, arguments.nodes)
        .with_context(|| format!("measuring {} with {}", kernel.series, tier.name()))?;
    ensure!(all.len() == 2 * plan.crowds.len(), "the guest sent {} measurements", all.len());
    all.iter().try_for_each(|measured| is_accounted_for(measured, plan.of_machine))?;
    Ok(all)
}

/// Checks the ballot: each examined task has a row in the report or is counted as left out, and the first row is the victim. If the
/// machine ran out, the kernel also examined its own threads, which have no rows.
fn is_accounted_for(measured: &Measured, of_machine: bool) -> Result<()> {
    let Ballot { total, rows, left_out, first_is_victim } = measured.ballot;
    ensure!(total > u64::from(measured.crowd), "of {} processes {total} were looked at", measured.crowd);
    let told = rows + left_out;
    let is_complete =
        if of_machine { told > u64::from(measured.crowd) && told <= total } else { told == total };
    ensure!(is_complete, "{total} were looked at, {rows} have rows, {left_out} are left out");
    ensure!(first_is_victim, "the first row is not the victim");
    Ok(())
}

/// Runs the fixed piece of work on this machine several times, and returns the shortest time.
fn fixed_work(programs: &programs::Programs) -> Result<FixedWork> {
    let folder = TempDir::new().context("making a folder for a program")?;
    let path = folder.path().join("guest");
    fs::write(&path, &programs.guest).context("writing the guest's init")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).context("making it executable")?;
    let mut quickest = FixedWork { cold_ns: f64::INFINITY, warm_ns: f64::INFINITY };
    for _ in 0..TRIES {
        let said = output(Command::new(&path).arg(FIXED_WORK))?;
        let work: FixedWork = serde_json::from_str(&said).context("reading what the fixed work took")?;
        quickest.cold_ns = quickest.cold_ns.min(work.cold_ns);
        quickest.warm_ns = quickest.warm_ns.min(work.warm_ns);
    }
    Ok(quickest)
}

const HEAD: [&str; 8] = [
    "kernel, tier",
    "processes",
    "`oom_dump_tasks`",
    "decision without, µs",
    "with, µs",
    "more, %",
    "more for each candidate, ns",
    "of that in programs, ns",
];

fn line(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Returns a row of the table. The figures are in the guest's time.
fn row(series: &str, tier: Tier, measured: &Measured) -> String {
    let (Some(without), Some(with)) = (samples(&measured.without_ns), samples(&measured.with_ns)) else {
        return String::new();
    };
    let (before, after) = (without.percentile(50), with.percentile(50));
    let candidates = as_float(measured.ballot.total.max(1));
    let in_programs = measured.per_decision_ns(&PER_CANDIDATE);
    line(&[
        &format!("{series} {}", tier.name()),
        &measured.crowd.to_string(),
        if measured.dump_tasks { "1" } else { "0" },
        &in_us(&without),
        &in_us(&with),
        &format!("{:+.1}", (after / before - 1.0) * 100.0),
        &format!("{:.0}", (after - before) / candidates),
        &format!("{:.0}", in_programs / candidates),
    ])
}

fn samples(ns: &[u64]) -> Option<Samples> {
    Samples::new(ns.iter().map(|ns| as_float(*ns)).collect())
}

/// Formats the median, and the extremes in parentheses, in µs.
fn in_us(samples: &Samples) -> String {
    let [median, least, most] = [50, 0, 100].map(|percent| samples.percentile(percent) / 1000.0);
    format!("{median:.0} ({least:.0} to {most:.0})")
}

/// Returns the details that do not fit the table: the ballot, the memory, the programs, and the value of the guest's ns here.
fn note(series: &str, tier: Tier, measured: &Measured, here: &FixedWork) -> String {
    let Measured { release, crowd, dump_tasks, ballot, fixed_work, .. } = measured;
    let for_candidates =
        |program: &&Program| PER_CANDIDATE.iter().any(|prefix| program.name.starts_with(prefix));
    let each = measured.programs.iter().filter(for_candidates).map(|program| {
        let ns = as_float(program.run_time_ns) / as_float(program.runs.max(1));
        format!("{} {ns:.0} ns a run", program.name)
    });
    format!(
        "{series} {} ({release}), {crowd} processes of {} KiB, oom_dump_tasks {}: looked at {}, rows {}, left out {}, victim \
         first: {}; {}; a ns there is {:.2} (warm) to {:.2} ns (cold) here by the fixed work\n",
        tier.name(),
        measured.crowd_bytes / 1024 / u64::from((*crowd).max(1)),
        u8::from(*dump_tasks),
        ballot.total,
        ballot.rows,
        ballot.left_out,
        ballot.first_is_victim,
        each.collect::<Vec<_>>().join(", "),
        here.warm_ns / fixed_work.warm_ns,
        here.cold_ns / fixed_work.cold_ns,
    )
}
