//! Runs one scenario, from preparation to observation.

use std::fs;
use std::num::NonZeroU64;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oomtrace_scenarios::job::{Command, FREEZER_DIRECTORY, TRACER_FILE, Tier, Watch};
use oomtrace_scenarios::observation::{CgroupCounters, CommandRun, Observation};
use oomtrace_scenarios::scenario::{Feature, Hierarchy, Scenario};

use crate::cgroup::{self, Made};
use crate::machine::built_in;
use crate::machine::kernel_log::KernelLog;
use crate::machine::marks::Marks;
use crate::machine::mounts::Mounted;
use crate::machine::nodes;
use crate::machine::port::{CONSOLE, Port};
use crate::machine::sysctl::{self, Sysctl};
use crate::processes::Processes;
use crate::relief::relieve;
use crate::runs::Runs;
use crate::tracer::Tracer;
use crate::{
    job::command,
    machine::{mounts, sysv_shm, tracing, wall_clock},
};

/// The time limit of the OOM, from the start of the allocators until the named processes have ended.
const DYING: Duration = Duration::from_secs(150);
/// The time limit for the remaining processes to exit.
const LEAVING: Duration = Duration::from_secs(10);

/// Run a scenario. Errors are part of the result. If the guest is expected to panic, the results so far are sent through the
/// port first.
pub(crate) fn observe(scenario: &Scenario, how: Option<&Watch>, port: &mut Port) -> Observation {
    let start = Instant::now();
    let mut seen = Observation { scenario: scenario.name.clone(), ..Observation::default() };
    if let Err(error) = run(scenario, how, &mut seen, port) {
        seen.failure = Some(format!("{error:#}"));
    }
    seen.elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    seen
}

fn run(scenario: &Scenario, how: Option<&Watch>, seen: &mut Observation, port: &mut Port) -> Result<()> {
    seen.release = rustix::system::uname().release().to_string_lossy().into_owned();
    // x86-64 has had trampolines since before the oldest kernel that oomtrace supports.
    let asks = cfg!(target_arch = "aarch64") && how.is_some_and(|how| how.tier == Tier::Fentry);
    let trampoline = asks.then_some(Feature::DirectCalls);
    if let Some(&missing) = scenario.needs.iter().chain(&trampoline).find(|&&need| !is_there(need)) {
        built_in::confirm_missing(missing)?;
        seen.not_applicable = Some(missing.to_string());
        return Ok(());
    }
    seen.memory_bytes = sysctl::memory_bytes()?;
    seen.swap_bytes = sysctl::swap_bytes()?;
    seen.page_size = NonZeroU64::new(u64::try_from(rustix::param::page_size())?);
    seen.hides_cpu_offsets = built_in::hides_cpu_offsets()?;
    seen.node_pages = nodes::present_pages()?;
    seen.mark_victim_tells_task = tracing::mark_victim_tells_task()?;
    let _sysctls: Vec<Sysctl> =
        scenario.sysctls.iter().map(|(file, value)| Sysctl::set(file, value)).collect::<Result<_>>()?;
    let tmpfs: Vec<Mounted> = scenario.tmpfs.iter().map(Mounted::new).collect::<Result<_>>()?;
    let mut cgroups = Cgroups::make(scenario)?;
    let mut processes = Processes::new();
    let ran = watch(scenario, how, &mut processes, seen, port);
    let collected = cgroups.collect(seen);
    let left = processes.end_all(Instant::now() + LEAVING);
    cgroups.remove();
    mounts::empty_scratch()?;
    drop(tmpfs);
    sysv_shm::remove_all()?;
    ran.and(collected).and(left)
}

/// Watch from the first process to the last record of the log.
fn watch(
    scenario: &Scenario,
    how: Option<&Watch>,
    ps: &mut Processes,
    seen: &mut Observation,
    port: &mut Port,
) -> Result<()> {
    let (log, marks) = (KernelLog::from_now()?, Marks::from_now()?);
    seen.vmstat_oom_kill.0 = sysctl::vmstat_oom_kill()?;
    let mut runs = Runs::start(scenario, ps)?;
    let tracer = how.map(|how| Tracer::start(ps, how, reports_to(scenario)?)).transpose()?;
    if scenario.expect.panic.is_some() {
        seen.processes = runs.seen(ps)?;
        seen.tracer = tracer.as_ref().map(Tracer::so_far);
        port.send(&seen)?;
    }
    wall_clock::put_forward(scenario.set_clock_s)?;
    let wall_ns = wall_clock::now_ns();
    seen.rank = how.filter(|_| scenario.expect.foreseeable).map(|_| rank(scenario));
    let ended = cause(scenario, &mut runs, ps);
    seen.tracer = tracer.map(|tracer| tracer.finish(ps, &scenario.expect)).transpose()?;
    seen.wall_ns = Some((wall_ns, wall_clock::now_ns()));
    seen.processes = runs.seen(ps)?;
    let mut offspring = runs.offspring(ps)?;
    seen.processes.extend(offspring.statuses(&scenario.expect.ends, Instant::now() + LEAVING)?);
    seen.vmstat_oom_kill.1 = sysctl::vmstat_oom_kill()?;
    (seen.log, seen.marks) = (log.records()?, Some(marks.seen()?));
    ended
}

/// Ask `oomtrace rank` for the first victim if the memory ran out now.
fn rank(scenario: &Scenario) -> CommandRun {
    let cgroup = scenario.expect.limit_cgroup.as_ref().map(oomtrace_scenarios::text::Text::to_chars);
    let named = cgroup.into_iter().flat_map(|path| ["--cgroup".to_owned(), path]);
    let fixed = [TRACER_FILE, "rank", "--over", "0s", "--format", "json", "--top", "1"].map(str::to_owned);
    let arguments = fixed.into_iter().chain(named).collect();
    command::observe(&Command { name: "rank".to_owned(), arguments, ..Command::default() })
}

/// The destination of the tracer's reports. If the guest is expected to panic, it is the console.
fn reports_to(scenario: &Scenario) -> Result<Stdio> {
    if scenario.expect.panic.is_none() {
        return Ok(Stdio::piped());
    }
    let console = fs::OpenOptions::new().write(true).open(CONSOLE);
    Ok(console.with_context(|| format!("opening {CONSOLE}"))?.into())
}

/// Release the allocators and wait until the OOM is over.
fn cause(scenario: &Scenario, runs: &mut Runs<'_>, processes: &mut Processes) -> Result<()> {
    let patience = scenario.patience_s.map_or(DYING, Duration::from_secs);
    runs.give_word(patience, processes)?;
    for (file, value) in &scenario.writes {
        fs::write(file, value).with_context(|| format!("writing {value} to {file}"))?;
    }
    scenario.relief.iter().try_for_each(|relief| relieve(scenario.machine.hierarchy, relief))?;
    runs.until_ended(&scenario.expect.ends, patience, processes)
}

/// Whether the running kernel has a feature, found by looking for what the feature provides.
fn is_there(feature: Feature) -> bool {
    match feature {
        Feature::LruGen => Path::new("/sys/kernel/mm/lru_gen/min_ttl_ms").exists(),
        Feature::MemcgV1 => Path::new(Hierarchy::V1.mount_point()).join("memory.limit_in_bytes").exists(),
        Feature::CgroupKill => cgroup::has_file("cgroup.kill"),
        // Trying the feature is the tracer's task. The list of symbols is the only other witness.
        Feature::DirectCalls => built_in::confirm_missing(feature).is_err(),
        Feature::Cma => sysctl::has_cma(),
        Feature::Freezer => Path::new(FREEZER_DIRECTORY).join("cgroup.procs").exists(),
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
