//! Guests that run commands, experiments or measurements instead of scenarios.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::cost::{Measured, Plan};
use oomtrace_scenarios::experiment::Experiment;
use oomtrace_scenarios::job::{Command, Job, RECORDING_FILE, Tier, Watch, Work};
use oomtrace_scenarios::observation::{CommandRun, ExperimentRun, Observation};
use oomtrace_scenarios::scenario::{Machine, Scenario};
use oomtrace_scenarios::storm::{self, Place, Storm};
use serde::de::DeserializeOwned;

use super::guest::disk::Disk;
use super::guest::initramfs::Extra;
use super::guest::programs::Programs;
use super::guest::{console, initramfs, modules, qemu, stream};
use crate::kernels::Kernel;

/// Seconds for a guest's boot, for each command, and for each of an experiment's scenarios.
const BOOT_S: u64 = 60;
const COMMAND_S: u64 = 60;
const SCENARIO_S: u64 = 60;
/// Seconds for each run of a process.
const RUN_S: u64 = 4;
/// Seconds of the guest's clock for a measurement. That clock may count instructions, which take an emulator longer, so the
/// host waits for the second value.
const COST_S: u64 = 1200;
const COST_LIMIT: Duration = Duration::from_secs(3600);
/// Memory for the reports of a storm, in MiB; seconds for a storm's start and end; and milliseconds for each kill.
const STORM_MIB: u32 = 1024;
const STORM_S: u64 = 360;
const KILL_MS: u64 = 500;
const KILL_OF_MACHINE_MS: u64 = 10_000;
/// Memory for ten thousand processes, in MiB.
const COST_MIB: u32 = 3072;

/// Boot a kernel, run commands one after the other, and return the result of each. The tracer and the memory program have the
/// paths in [`oomtrace_scenarios::job`].
pub(crate) fn run(
    kernel: &Kernel,
    programs: &Programs,
    machine: &Machine,
    tracefs: bool,
    commands: &[Command],
) -> Result<Vec<CommandRun>> {
    run_with(kernel, programs, machine, tracefs, &[], commands)
}

/// The same in a guest with more files.
pub(crate) fn run_with(
    kernel: &Kernel,
    programs: &Programs,
    machine: &Machine,
    tracefs: bool,
    extras: &[Extra],
    commands: &[Command],
) -> Result<Vec<CommandRun>> {
    let deadline_s = BOOT_S + commands.iter().map(|command| command.deadline_s.max(COMMAND_S)).sum::<u64>();
    let work = Work::Commands(commands.to_vec());
    let (hierarchy, swap_mib) = (machine.hierarchy, machine.swap_mib);
    let job = Job { hierarchy, swap_mib, disk: false, tracefs, deadline_s, work };
    boot(kernel, programs, machine, extras, &job)
}

/// Boot a kernel, run experiments one after the other, and return their results.
pub(crate) fn experiment(
    kernel: &Kernel,
    programs: &Programs,
    experiments: &[Experiment],
    tier: Tier,
) -> Result<Vec<ExperimentRun>> {
    let machine = Machine::default();
    let each_s = 2 * SCENARIO_S + COMMAND_S;
    let deadline_s = BOOT_S + each_s * u64::try_from(experiments.len())?;
    let work = Work::Experiments { experiments: experiments.to_vec(), tier };
    let (hierarchy, swap_mib) = (machine.hierarchy, machine.swap_mib);
    let job = Job { hierarchy, swap_mib, disk: false, tracefs: true, deadline_s, work };
    boot(kernel, programs, &machine, &[], &job)
}

/// Boot a kernel and return the cost of decisions there.
pub(crate) fn cost(kernel: &Kernel, programs: &Programs, plan: &Plan, nodes: u32) -> Result<Vec<Measured>> {
    // With one processor, nothing else runs during a decision.
    let machine =
        Machine { memory_mib: COST_MIB, cpus: 1, nodes, instruction_clock: true, ..Machine::default() };
    let work = Work::Cost(plan.clone());
    let hierarchy = machine.hierarchy;
    let job = Job { hierarchy, swap_mib: 0, disk: false, tracefs: true, deadline_s: COST_S, work };
    boot_within(COST_LIMIT, kernel, programs, &machine, &[], &job)
}

/// Boot a kernel with a disk and return the results of storms there.
pub(crate) fn storms(kernel: &Kernel, programs: &Programs, plan: storm::Plan) -> Result<Vec<Storm>> {
    let memory_mib = match plan.place {
        Place::Cgroups => STORM_MIB,
        Place::Machine => Machine::default().memory_mib,
    };
    let machine = Machine { memory_mib, ..Machine::default() };
    let kill_ms = if plan.place == Place::Machine { KILL_OF_MACHINE_MS } else { KILL_MS };
    let each_s = STORM_S + plan.stopped_s + u64::from(plan.kills) * kill_ms / 1000;
    let deadline_s = BOOT_S + each_s * u64::from(plan.runs);
    let (ran, stream) = Disk::new()?.boot(kernel, programs, &machine, (Work::Storms(plan), deadline_s))?;
    ensure!(stream.complete, "the guest was lost; {}", console::end(&ran));
    Ok(stream.documents)
}

/// Boot a kernel, record one scenario, and return the observation with the recording.
pub(crate) fn record(
    kernel: &Kernel,
    programs: &Programs,
    scenario: &Scenario,
    tier: Tier,
) -> Result<Observation> {
    let machine = &scenario.machine;
    let runs: usize = scenario.processes.iter().map(|process| process.runs).sum();
    let patience_s = scenario.patience_s.unwrap_or(SCENARIO_S);
    let deadline_s = BOOT_S + 4 * patience_s + RUN_S * u64::try_from(runs)?;
    let watch = Watch { keep: true, ..Watch::to_file(tier, RECORDING_FILE) };
    let work = Work::Scenarios { scenarios: vec![scenario.clone()], watch: Some(watch) };
    let (hierarchy, swap_mib) = (machine.hierarchy, machine.swap_mib);
    let job = Job { hierarchy, swap_mib, disk: false, tracefs: true, deadline_s, work };
    boot(kernel, programs, machine, &[], &job)?.pop().context("the guest sent no observation")
}

fn boot<T: DeserializeOwned>(
    kernel: &Kernel,
    programs: &Programs,
    machine: &Machine,
    extras: &[Extra],
    job: &Job,
) -> Result<Vec<T>> {
    let limit = Duration::from_secs(job.deadline_s + BOOT_S);
    boot_within(limit, kernel, programs, machine, extras, job)
}

fn boot_within<T: DeserializeOwned>(
    limit: Duration,
    kernel: &Kernel,
    programs: &Programs,
    machine: &Machine,
    extras: &[Extra],
    job: &Job,
) -> Result<Vec<T>> {
    let modules = modules::of_machine(kernel, machine)?;
    let initramfs = initramfs::of_guest(programs, modules, extras, job)?;
    let ran = qemu::boot(kernel, initramfs.path(), machine, limit)?;
    let stream = stream::parse(&ran.output).context("parsing the guest's output")?;
    ensure!(stream.complete, "the guest was lost; {}", console::end(&ran));
    Ok(stream.documents)
}
