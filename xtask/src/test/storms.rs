//! `cargo xtask storms`: storms of kills beside a tracer that is stopped for a while, on this machine or in guests. The reported kills
//! and those counted as missed must add up to the kernel's own count.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::storm::{CGROUPS, LIMIT_BYTES, Place, Plan, Storm};

use super::local::{
    Local,
    kills::kill_one,
    tracer::{Said, Tracer},
};
use crate::{
    host::{
        scratch::{self, Scratch},
        setup,
    },
    kernels,
    vm::{self, commands, guest::programs},
};

/// `cargo xtask storms`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many storms
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Kills of each storm
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Seconds for which the tracer is stopped, from the beginning of the storm
    #[arg(long, default_value_t = 8)]
    stopped_s: u64,
    /// In a guest of this kernel series instead of on this machine; repeatable
    #[arg(long)]
    series: Vec<String>,
    /// In guests, only this tier (fentry, kprobe, tracepoint); repeatable
    #[arg(long, value_parser = vm::tier, requires = "series")]
    tier: Vec<Tier>,
    /// In guests, let the machine run out of memory instead of four cgroups; the tracer only watches, records to tmpfs, or
    /// records to a disk, in turn
    #[arg(long, requires = "series")]
    of_machine: bool,
}

/// The files that count a cgroup's kills: v2 and v1.
const COUNTERS: [&str; 2] = ["memory.events", "memory.oom_control"];

/// Runs the storms and prints a row for each.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    if arguments.series.is_empty() { here(arguments) } else { in_guests(arguments) }
}

/// The storms on this machine.
fn here(arguments: &Arguments) -> Result<()> {
    ensure!(setup::is_root()?, "tracing and creating cgroups need root: run `sudo cargo xtask storms`");
    let hierarchy =
        scratch::hierarchy().context("no cgroup hierarchy with the memory controller can be written")?;
    let local = Local::new(hierarchy)?;
    println!("{HEAD}");
    for run in 1..=arguments.runs {
        print(run, &storm(&local, arguments).with_context(|| format!("run {run}"))?)?;
    }
    Ok(())
}

/// The storms in a guest of each series and tier.
fn in_guests(arguments: &Arguments) -> Result<()> {
    vm::install_qemu(Arch::X86_64)?;
    let programs = programs::build(true)?;
    let Arguments { runs, kills, stopped_s, .. } = *arguments;
    let tiers = if arguments.tier.is_empty() { Tier::ALL.to_vec() } else { arguments.tier.clone() };
    for series in &arguments.series {
        let kernel = kernels::ensure(series)?;
        for &tier in &tiers {
            for (place, recording) in scenes(arguments.of_machine) {
                let to = recording.unwrap_or("no recording");
                println!("\n{series}, {}, {to}:\n\n{HEAD}", tier.name());
                let recording = recording.map(str::to_owned);
                let plan = Plan { tier, place, recording, runs, kills, stopped_s };
                let storms = commands::storms(&kernel, &programs, plan)
                    .with_context(|| format!("{series}, {}, {to}", tier.name()))?;
                ensure!(storms.len() == runs as usize, "{} storms instead of {runs}", storms.len());
                (1..).zip(&storms).try_for_each(|(run, storm)| print(run, storm))?;
            }
        }
    }
    Ok(())
}

/// What runs out of memory, and where the tracer records.
fn scenes(of_machine: bool) -> Vec<(Place, Option<&'static str>)> {
    if of_machine {
        let files = [None, Some("/tmp/storm.oomtrace"), Some("/disk/storm.oomtrace")];
        files.map(|file| (Place::Machine, file)).to_vec()
    } else {
        vec![(Place::Cgroups, None)]
    }
}

/// Prints a row, if nothing is missing.
fn print(run: u32, storm: &Storm) -> Result<()> {
    let sums = storm.judge().map_err(|error| anyhow!("run {run}: {error}"))?;
    println!("| {run} | {sums} |");
    Ok(())
}

/// The head of the table.
const HEAD: &str = "| run | the kernel's count | reported | said to be missed | frames lost |\n| --- | --- | --- | --- | --- |";

/// Kills while the tracer is stopped for a while.
fn storm(local: &Local, arguments: &Arguments) -> Result<Storm> {
    let name = |number| format!("oomtrace-storm-{number}");
    let scratches: Vec<(String, Scratch)> = (0..CGROUPS)
        .map(|number| {
            Ok((
                format!("/{}", name(number)),
                Scratch::new(&local.hierarchy, name(number).as_bytes(), LIMIT_BYTES)?,
            ))
        })
        .collect::<Result<_>>()?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    tracer.signal("-STOP")?;
    let begun = AtomicU32::new(0);
    thread::scope(|scope| {
        let kill = |scratch| -> Result<()> {
            while begun.fetch_add(1, Ordering::Relaxed) < arguments.kills {
                kill_one(local, scratch, &[])?;
            }
            Ok(())
        };
        let threads: Vec<_> =
            scratches.iter().map(|(_, scratch)| scope.spawn(move || kill(scratch))).collect();
        thread::sleep(Duration::from_secs(arguments.stopped_s));
        let went_on = tracer.signal("-CONT");
        let ended = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread died"))?);
        ended.chain([went_on]).collect::<Result<()>>()
    })?;
    let said = tracer.end("-INT")?;
    let counts = scratches.iter().map(|(path, scratch)| Ok((path.clone(), kernels_count(scratch)?)));
    add(&said, Storm { killed: counts.collect::<Result<_>>()?, ..Storm::default() })
}

/// The kernel's count of the processes that it killed in a cgroup.
fn kernels_count(scratch: &Scratch) -> Result<u64> {
    let files = COUNTERS.iter().filter_map(|name| fs::read_to_string(scratch.path.join(name)).ok());
    let count =
        |text: String| text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    files.into_iter().find_map(count).context("the kernel does not count the kills of a cgroup")
}

/// Adds what the tracer said.
fn add(said: &Said, mut storm: Storm) -> Result<Storm> {
    ensure!(said.status.success(), "the tracer exited with {}: {}", said.status, said.stderr);
    said.reports()?.iter().try_for_each(|report| storm.take(report)).map_err(|error| anyhow!(error))?;
    said.stderr.lines().last().unwrap_or_default().clone_into(&mut storm.totals);
    Ok(storm)
}
