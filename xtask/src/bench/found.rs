//! `cargo xtask bench --found KILLS`: counts how often reports have the command line and the executable of the victim and of
//! the process that was allocating.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::{job::Tier, observation::Observation, scenario::found};
use serde_json::Value;

use super::{Arguments, Bench, start::tier_of, tracer::Tracer};
use crate::{
    host::{run::say, scratch::Scratch},
    vm::{self, commands, guest::programs},
};

/// The series of the guests by default.
const SERIES: [&str; 2] = ["6.12", "7.3"];

/// Memory of a process that waits to be killed, in MiB.
const IDLE_MIB: u64 = 3;

/// The time after which no further report is expected.
const QUIET: Duration = Duration::from_secs(2);

/// The processes of a run and their command lines, by pid.
type Started = BTreeMap<u64, Vec<String>>;

/// How many processes have which facts.
#[derive(Clone, Copy, Default)]
struct Count {
    all: usize,
    cmdline: usize,
    exe: usize,
}

/// The processes of a kind of kill.
#[derive(Default)]
struct Counts {
    /// Victims that were allocating.
    own: Count,
    /// Victims while another process was allocating.
    other: Count,
    /// The allocating processes that were not victims.
    triggers: Count,
}

/// Measures on this machine, or in guests if there are series.
pub(super) fn task(kills: usize, arguments: &Arguments) -> Result<()> {
    println!("| where | kills | processes | command line | executable |\n| --- | --- | --- | --- | --- |");
    match &arguments.guest {
        Some(series) => in_guests(kills, series, &arguments.tier),
        None => here(&super::quickly_built()?, kills),
    }
}

fn in_guests(kills: usize, series: &[String], tiers: &[Tier]) -> Result<()> {
    vm::install_qemu(Arch::X86_64)?;
    let usual = || SERIES.map(str::to_owned).to_vec();
    let kernels = vm::find_kernels(Arch::X86_64, &if series.is_empty() { usual() } else { series.to_vec() })?;
    let tiers = if tiers.is_empty() { Tier::ALL.to_vec() } else { tiers.to_vec() };
    let programs = programs::build(true)?;
    for kernel in &kernels {
        for &tier in &tiers {
            for scenario in found::scenarios(kills) {
                let place = format!("{} {}", kernel.series, tier.name());
                say(&format!("{place}: {}", scenario.name));
                let seen = commands::record(kernel, &programs, &scenario, tier)
                    .with_context(|| format!("{place}: {}", scenario.name))?;
                print(&place, &scenario.name, &of_guest(&seen)?);
            }
        }
    }
    Ok(())
}

fn of_guest(seen: &Observation) -> Result<Counts> {
    ensure!(seen.failure.is_none(), "{}", seen.failure.clone().unwrap_or_default());
    let run = seen.tracer.as_ref().context("no tracer ran")?;
    let words = |process: &oomtrace_scenarios::observation::ProcessRun| {
        process.cmdline.iter().map(|word| String::from_utf8_lossy(word.as_bytes()).into_owned()).collect()
    };
    let started = seen.processes.iter().map(|process| (u64::from(process.pid), words(process))).collect();
    let parse = |line: &oomtrace_scenarios::text::Text| serde_json::from_slice(line.as_bytes());
    count(&run.lines.iter().map(parse).collect::<Result<Vec<Value>, _>>()?, &started)
}

/// Kills in cgroups of this machine.
fn here(bench: &Bench, kills: usize) -> Result<()> {
    let (tier, counts) = kinds(bench, "cgroup, victim allocating", |hogs| own(hogs, kills))?;
    print(&tier, "cgroup, victim allocating", &counts);
    let name = "cgroup, another process allocating, the next kill follows at once";
    let (tier, counts) = kinds(bench, name, |hogs| other(hogs, kills))?;
    print(&tier, name, &counts);
    let name = "cgroup, another process allocating, one kill at a time";
    let (tier, counts) = kinds(bench, name, |hogs| one_by_one(hogs, kills))?;
    print(&tier, name, &counts);
    Ok(())
}

/// The processes that a measurement started.
struct Hogs<'a> {
    bench: &'a Bench,
    started: Started,
}

fn kinds(
    bench: &Bench,
    name: &str,
    kill: impl FnOnce(&mut Hogs<'_>) -> Result<()>,
) -> Result<(String, Counts)> {
    say(name);
    let tracer = Tracer::start(&bench.oomtrace, None)?;
    let mut hogs = Hogs { bench, started: Started::new() };
    kill(&mut hogs)?;
    let tier = tier_of(&tracer.armed).context("oomtrace does not name its tier")?;
    let place = format!("this machine, {tier}");
    let mut reports = Vec::new();
    while let Some(line) = tracer.line(QUIET) {
        reports.push(line.report()?);
    }
    tracer.end()?;
    Ok((place, count(&reports, &hogs.started)?))
}

fn own(hogs: &mut Hogs<'_>, kills: usize) -> Result<()> {
    let scratch = hogs.bench.scratch("oomtrace-bench-found")?;
    for _ in 0..kills {
        let mut hog = hogs.start(&scratch, &["anon", "--mib", "16"])?;
        hog.wait().context("waiting for a hog")?;
    }
    Ok(())
}

fn other(hogs: &mut Hogs<'_>, kills: usize) -> Result<()> {
    let mib = u64::try_from(kills)? * IDLE_MIB;
    let scratch = Scratch::new(&hogs.bench.hierarchy, b"oomtrace-bench-found", mib << 20)?;
    let size = IDLE_MIB.to_string();
    let idle = (0..kills).map(|_| hogs.idle(&scratch, &size)).collect::<Result<Vec<_>>>()?;
    let mut allocator = hogs.start(&scratch, &["anon", "--mib", &(2 * mib).to_string()])?;
    allocator.wait().context("waiting for a hog")?;
    for mut hog in idle {
        // Most of them were killed.
        let _ = hog.kill();
        hog.wait().context("waiting for a hog")?;
    }
    Ok(())
}

/// Kills one idle process after the other. The process that allocates has enough memory after the kill.
fn one_by_one(hogs: &mut Hogs<'_>, kills: usize) -> Result<()> {
    let scratch = Scratch::new(&hogs.bench.hierarchy, b"oomtrace-bench-found", 32 << 20)?;
    for _ in 0..kills {
        let mut idle = hogs.idle(&scratch, "16")?;
        let mut allocator = hogs.start(&scratch, &["anon", "--mib", "20"])?;
        allocator.wait().context("waiting for a hog")?;
        // It was killed, unless the cgroup is larger than it should be.
        let _ = idle.kill();
        idle.wait().context("waiting for a hog")?;
    }
    Ok(())
}

impl Hogs<'_> {
    /// Starts a process that waits to be killed, and returns when it has its memory or was killed.
    fn idle(&mut self, scratch: &Scratch, mib: &str) -> Result<Child> {
        let mut hog = self.start(scratch, &["--adj", "1000", "--hold", "anon", "--mib", mib])?;
        let stdout = hog.stdout.take().context("no stdout")?;
        let _ = BufReader::new(stdout).lines().map_while(Result::ok).any(|line| line == "holding");
        Ok(hog)
    }

    fn start(&mut self, scratch: &Scratch, arguments: &[&str]) -> Result<Child> {
        let mut hog = Command::new(&self.bench.hog);
        hog.arg("--cgroup").arg(&scratch.path).args(arguments);
        let words = std::iter::once(hog.get_program()).chain(hog.get_args());
        let words = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let child = hog.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting a hog")?;
        self.started.insert(u64::from(child.id()), words);
        Ok(child)
    }
}

/// Counts the facts in the reports. A wrong one is an error.
fn count(reports: &[Value], started: &Started) -> Result<Counts> {
    let mut counts = Counts::default();
    for report in reports {
        let trigger = report.pointer("/trigger").context("a report without a trigger")?;
        let victims = report.pointer("/victims").and_then(Value::as_array).context("no victims")?;
        let is_own = victims.iter().any(|victim| victim["pid"] == trigger["pid"]);
        for victim in victims.iter().filter(|victim| is_ours(victim, started)) {
            add(if is_own { &mut counts.own } else { &mut counts.other }, victim, started)?;
        }
        if !victims.is_empty() && !is_own && is_ours(trigger, started) {
            add(&mut counts.triggers, trigger, started)?;
        }
    }
    Ok(counts)
}

fn is_ours(process: &Value, started: &Started) -> bool {
    process["pid"].as_u64().is_some_and(|pid| started.contains_key(&pid))
}

fn add(count: &mut Count, process: &Value, started: &Started) -> Result<()> {
    let pid = process["pid"].as_u64().context("no pid")?;
    let words = started.get(&pid).with_context(|| format!("pid {pid} was not started"))?;
    count.all += 1;
    if let Some(cmdline) = process["cmdline"].as_array() {
        ensure!(*cmdline == *words, "the command line is not {words:?}: {process}");
        count.cmdline += 1;
    }
    if let Some(exe) = process["exe"].as_str() {
        let program = words.first().context("no program")?;
        let real = fs::canonicalize(program).map_or(program.clone(), |real| real.display().to_string());
        ensure!(exe == real || exe == *program, "the executable is not {program}: {process}");
        count.exe += 1;
    }
    Ok(())
}

fn print(place: &str, name: &str, counts: &Counts) {
    let rows = [
        ("victims that were allocating", counts.own),
        ("other victims", counts.other),
        ("allocating processes that survived", counts.triggers),
    ];
    for (who, Count { all, cmdline, exe }) in rows.into_iter().filter(|(_, count)| count.all > 0) {
        println!("| {place} | {name} | {all} {who} | {cmdline} | {exe} |");
    }
}
