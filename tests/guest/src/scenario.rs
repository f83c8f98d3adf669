//! One scenario from preparation to what was seen.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use oomtrace_scenarios::job::{HOG_FILE, Tier};
use oomtrace_scenarios::observation::{CgroupCounters, Observation, ProcessRun};
use oomtrace_scenarios::scenario::{Feature, Hierarchy, Part, Process, Scenario};

use crate::cgroup::{self, Made};
use crate::kernel_log::KernelLog;
use crate::processes::Processes;
use crate::sysctl::{self, Sysctl};
use crate::tracer::Tracer;
use crate::tracing;

/// How long a process may take to be ready.
const PREPARING: Duration = Duration::from_secs(20);
/// How long the OOM may take, from the word to begin until the processes named have ended.
const DYING: Duration = Duration::from_secs(60);
/// How long the processes left over may take to go.
const LEAVING: Duration = Duration::from_secs(10);

/// Run a scenario; what went wrong is part of the result.
pub(crate) fn observe(scenario: &Scenario, tier: Option<Tier>) -> Observation {
    let start = Instant::now();
    let mut seen = Observation { scenario: scenario.name.clone(), ..Observation::default() };
    if let Err(error) = run(scenario, tier, &mut seen) {
        seen.failure = Some(format!("{error:#}"));
    }
    seen.elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    seen
}

fn run(scenario: &Scenario, tier: Option<Tier>, seen: &mut Observation) -> Result<()> {
    seen.release = rustix::system::uname().release().to_string_lossy().into_owned();
    seen.not_applicable = scenario.needs.iter().find(|&&need| !is_there(need)).map(ToString::to_string);
    if seen.not_applicable.is_some() {
        return Ok(());
    }
    seen.memory_bytes = sysctl::memory_bytes()?;
    seen.mark_victim_tells_task = tracing::mark_victim_tells_task()?;
    let _sysctls: Vec<Sysctl> =
        scenario.sysctls.iter().map(|(file, value)| Sysctl::set(file, value)).collect::<Result<_>>()?;
    let mut cgroups = Cgroups::make(scenario)?;
    let mut processes = Processes::new();
    let ran = watch(scenario, tier, &mut processes, seen);
    let collected = cgroups.collect(seen);
    let left = processes.end_all(Instant::now() + LEAVING);
    cgroups.remove();
    ran.and(collected).and(left)
}

/// From the first process to the last record of the log.
fn watch(scenario: &Scenario, tier: Option<Tier>, ps: &mut Processes, seen: &mut Observation) -> Result<()> {
    let log = KernelLog::from_now()?;
    seen.vmstat_oom_kill.0 = sysctl::vmstat_oom_kill()?;
    let mut started = Vec::new();
    for process in &scenario.processes {
        started.push(start(process, scenario.machine.hierarchy, ps)?);
    }
    let tracer = tier.map(|tier| Tracer::start(ps, tier)).transpose()?;
    let ended = cause(scenario, &started, ps);
    seen.tracer = tracer.map(|tracer| tracer.finish(ps, scenario.expect.least_reports())).transpose()?;
    for (process, &number) in scenario.processes.iter().zip(&started) {
        let run = ps.get(number)?;
        seen.processes.push(ProcessRun { role: process.role.clone(), pid: run.pid, status: run.status });
    }
    seen.vmstat_oom_kill.1 = sysctl::vmstat_oom_kill()?;
    seen.log = log.records()?;
    ended
}

/// Let the allocators loose, and wait until it is over.
fn cause(scenario: &Scenario, started: &[usize], processes: &mut Processes) -> Result<()> {
    let all = || scenario.processes.iter().zip(started);
    let of = |role: &String| all().find(|(process, _)| process.role == *role).map(|(_, &number)| number);
    for (process, &number) in all().filter(|(process, _)| process.part == Part::Allocator) {
        if let Some(before) = process.after.as_ref().and_then(of) {
            processes.until(Instant::now() + DYING, |p| {
                p.get(before).is_ok_and(|process| process.status.is_some())
            })?;
        }
        processes.give_word(number)?;
    }
    let ends = all().filter(|(process, _)| scenario.expect.ends.contains(&process.role));
    let ends: Vec<usize> = ends.map(|(_, &number)| number).collect();
    let ended = |p: &Processes, &number: &usize| p.get(number).is_ok_and(|process| process.status.is_some());
    let all_ended = |p: &Processes| ends.iter().all(|number| ended(p, number));
    if !processes.until(Instant::now() + DYING, all_ended)? {
        bail!("not all of {} ended within {DYING:?}", scenario.expect.ends.join(", "));
    }
    Ok(())
}

/// Start one process and wait until it is where the scenario wants it.
fn start(process: &Process, hierarchy: Hierarchy, processes: &mut Processes) -> Result<usize> {
    let mut command = Command::new(HOG_FILE);
    command.arg("--adj").arg(process.oom_score_adj.to_string());
    if process.uid != 0 {
        command.arg("--uid").arg(process.uid.to_string());
    }
    if let Some(comm) = &process.comm {
        command.arg("--comm").arg(comm.to_string());
    }
    if let Some(path) = &process.cgroup {
        let folder = cgroup::folder(hierarchy, path);
        command.arg("--cgroup").arg(oomtrace_scenarios::text::Text::from(folder.as_path()).to_string());
    }
    let until = match process.part {
        Part::Allocator => ("--wait", "ready"),
        Part::Bystander => ("--hold", "holding"),
    };
    command.arg(until.0).args(process.hold.then_some("--hold").filter(|&hold| hold != until.0));
    let number = processes.start(command.args(&process.shape).current_dir("/tmp").stdout(Stdio::piped()))?;
    await_word(number, until.1, processes).with_context(|| format!("preparing {}", process.role))?;
    Ok(number)
}

fn await_word(number: usize, word: &str, processes: &mut Processes) -> Result<()> {
    let said = |p: &Processes| p.get(number).is_ok_and(|process| process.said(word));
    let over = |p: &Processes| p.get(number).is_ok_and(crate::processes::Process::is_over);
    processes.until(Instant::now() + PREPARING, |p| said(p) || over(p))?;
    if !said(processes) {
        let process = processes.get(number)?;
        bail!("no `{word}` ({:?}): {}", process.status, crate::tracer::text(&process.err));
    }
    Ok(())
}

/// Whether the running kernel has a feature; found out by looking for what it provides.
fn is_there(feature: Feature) -> bool {
    match feature {
        Feature::MemcgV1 => Path::new(Hierarchy::V1.mount_point()).join("memory.limit_in_bytes").exists(),
        Feature::CgroupKill => cgroup::has_file("cgroup.kill"),
    }
}

/// The cgroups of a scenario, parents first.
struct Cgroups {
    paths: Vec<oomtrace_scenarios::text::Text>,
    made: Vec<Made>,
}

impl Cgroups {
    fn make(scenario: &Scenario) -> Result<Self> {
        let hierarchy = scenario.machine.hierarchy;
        let made = scenario.cgroups.iter().map(|cgroup| Made::new(hierarchy, cgroup));
        let paths = scenario.cgroups.iter().map(|cgroup| cgroup.path.clone()).collect();
        Ok(Self { paths, made: made.collect::<Result<_>>()? })
    }

    fn collect(&self, seen: &mut Observation) -> Result<()> {
        for (path, made) in self.paths.iter().zip(&self.made) {
            let (before, after) = (made.before.clone(), made.counters()?);
            seen.cgroups.push(CgroupCounters { path: path.clone(), before, after });
        }
        Ok(())
    }

    /// Remove them, children first.
    fn remove(&mut self) {
        while self.made.pop().is_some() {}
    }
}
