//! Storms of kills beside a tracer that is stopped for a while.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use oomtrace_scenarios::job::{HOG_FILE, Watch};
use oomtrace_scenarios::observation::Status;
use oomtrace_scenarios::scenario::{Cgroup, Hierarchy};
use oomtrace_scenarios::storm::{CGROUPS, LIMIT_BYTES, Place, Plan, Storm};
use oomtrace_scenarios::text::Text;
use rustix::process::Signal;

use crate::cgroup::{Made, directory};
use crate::machine::{kernel_log::KernelLog, mounts::SCRATCH, port::Port, sysctl};
use crate::processes::Processes;
use crate::tracer::Tracer;

/// The file with the tracer's reports. They are too many for the port.
const REPORTS: &str = "/tmp/reports";
/// The time limit for the tracer to exit. Before it exits, it reports everything that is in the ring.
const ENDING: Duration = Duration::from_secs(300);
/// The memory that a process asks for, MiB: more than its cgroup or the machine has.
const OF_CGROUP: &str = "8";
const OF_MACHINE: &str = "4096";

/// A cgroup with a limit, or the machine.
struct Scene {
    path: String,
    /// The cgroup, unless it is the machine.
    cgroup: Option<(PathBuf, Made)>,
    /// The kernel's count at the beginning.
    before: u64,
}

impl Scene {
    fn cgroup(number: u32) -> Result<Self> {
        let path = format!("/storm-{number}");
        let files = vec![("memory.max".to_owned(), LIMIT_BYTES.to_string())];
        let cgroup = Cgroup { path: Text::from(path.as_bytes()), files };
        let directory = directory(Hierarchy::V2, &cgroup.path);
        Ok(Self { path, cgroup: Some((directory, Made::new(Hierarchy::V2, &cgroup)?)), before: 0 })
    }

    fn machine() -> Result<Self> {
        Ok(Self { path: "/".to_owned(), cgroup: None, before: sysctl::vmstat_oom_kill()? })
    }

    /// The processes that the kernel killed since the beginning, by its own count.
    fn killed(&self) -> Result<u64> {
        let Some((_, made)) = &self.cgroup else { return Ok(sysctl::vmstat_oom_kill()? - self.before) };
        made.counters()?.get("oom_kill").copied().context("the kernel does not count the kills of a cgroup")
    }

    /// Let one process run out of memory.
    fn kill_one(&self) -> Result<()> {
        let mut hog = Command::new(HOG_FILE);
        match &self.cgroup {
            Some((directory, _)) => hog.arg("--cgroup").arg(directory).args(["anon", "--mib", OF_CGROUP]),
            None => hog.args(["--adj", "1000", "anon", "--mib", OF_MACHINE]),
        };
        let hog = hog.current_dir(SCRATCH).stdin(Stdio::null()).stdout(Stdio::null());
        let status = hog.status().context("starting a process")?;
        ensure!(status.signal() == Some(Signal::KILL.as_raw()), "a process ended with {status}");
        Ok(())
    }
}

/// Run the storms one after the other and send the result of each.
pub(crate) fn run(plan: &Plan, port: &mut Port) -> Result<()> {
    // Lines about every task would take most of the time.
    fs::write("/proc/sys/vm/oom_dump_tasks", "0").context("writing vm.oom_dump_tasks")?;
    for _ in 0..plan.runs {
        port.send(&storm(plan)?)?;
    }
    Ok(())
}

fn storm(plan: &Plan) -> Result<Storm> {
    let scenes: Vec<Scene> = match plan.place {
        Place::Cgroups => (0..CGROUPS).map(Scene::cgroup).collect::<Result<_>>()?,
        Place::Machine => vec![Scene::machine()?],
    };
    let log = KernelLog::from_now()?;
    let mut processes = Processes::new();
    let recording = plan.recording.clone();
    let watch = Watch { tier: plan.tier, fault: None, recording, keep: false, forecast_s: None };
    let reports = File::create(REPORTS).with_context(|| format!("making {REPORTS}"))?;
    let tracer = Tracer::start(&mut processes, &watch, Stdio::from(reports))?;
    tracer.signal(Signal::STOP, &processes)?;
    kill_all(plan, &scenes, || tracer.signal(Signal::CONT, &processes))?;
    let ended = tracer.end_within(ENDING, &mut processes)?;
    ensure!(
        ended.status == Some(Status::Code(0)),
        "the tracer ended with {:?} within {ENDING:?}",
        ended.status
    );
    let totals = ended.err.last().map(|line| String::from_utf8_lossy(line).into_owned());
    let mut storm = Storm { totals: totals.unwrap_or_default(), ..Storm::default() };
    for scene in &scenes {
        storm.killed.insert(scene.path.clone(), scene.killed()?);
    }
    take_reports(&mut storm)?;
    log.records()?.iter().for_each(|line| storm.take_line(line));
    plan.recording.iter().try_for_each(fs::remove_file).context("removing the recording")?;
    Ok(storm)
}

/// Let processes run out of memory until the number is reached, and let the tracer go on after its time.
fn kill_all(plan: &Plan, scenes: &[Scene], go_on: impl FnOnce() -> Result<()>) -> Result<()> {
    let begun = AtomicU32::new(0);
    let kill = |scene: &Scene| -> Result<()> {
        while begun.fetch_add(1, Ordering::Relaxed) < plan.kills {
            scene.kill_one()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let scenes = scenes.iter().cycle().take(CGROUPS as usize);
        let threads: Vec<_> = scenes.map(|scene| scope.spawn(move || kill(scene))).collect();
        thread::sleep(Duration::from_secs(plan.stopped_s));
        let went_on = go_on();
        let ended = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread died"))?);
        ended.chain([went_on]).collect()
    })
}

/// Add the reports, and remove their file.
fn take_reports(storm: &mut Storm) -> Result<()> {
    let reports = File::open(REPORTS).with_context(|| format!("opening {REPORTS}"))?;
    for line in BufReader::new(reports).lines() {
        let report = serde_json::from_str(&line.context("reading a report")?).context("parsing a report")?;
        storm.take(&report).map_err(|error| anyhow!(error))?;
    }
    fs::remove_file(REPORTS).with_context(|| format!("removing {REPORTS}"))
}
