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
use oomtrace_scenarios::scenario::{Cgroup, Hierarchy};
use oomtrace_scenarios::storm::{CGROUPS, LIMIT_BYTES, Plan, Storm};
use oomtrace_scenarios::text::Text;
use rustix::process::Signal;

use crate::cgroup::{Made, directory};
use crate::machine::port::Port;
use crate::processes::Processes;
use crate::tracer::Tracer;

/// The file with the tracer's reports. They are too many for the port.
const REPORTS: &str = "/tmp/reports";
/// The time limit of a tracer that is told to exit: it first reports what is in the ring.
const ENDING: Duration = Duration::from_secs(300);
/// The memory that a process asks for, MiB: more than its cgroup may have.
const MIB: &str = "8";

/// One of the cgroups.
struct Place {
    path: String,
    directory: PathBuf,
    made: Made,
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
    let places: Vec<Place> = (0..CGROUPS).map(place).collect::<Result<_>>()?;
    let mut processes = Processes::new();
    let watch = Watch { tier: plan.tier, fault: None, recording: None, keep: false, forecast_s: None };
    let reports = File::create(REPORTS).with_context(|| format!("making {REPORTS}"))?;
    let tracer = Tracer::start(&mut processes, &watch, Stdio::from(reports))?;
    tracer.signal(Signal::STOP, &processes)?;
    kill_all(plan, &places, || tracer.signal(Signal::CONT, &processes))?;
    let ended = tracer.end_within(ENDING, &mut processes)?;
    ensure!(ended.status.is_some(), "the tracer did not exit within {ENDING:?}");
    let totals = ended.err.last().map(|line| String::from_utf8_lossy(line).into_owned());
    let mut storm = Storm { totals: totals.unwrap_or_default(), ..Storm::default() };
    for Place { path, made, .. } in &places {
        let count = made.counters()?.get("oom_kill").copied();
        storm.killed.insert(path.clone(), count.context("the kernel does not count the kills of a cgroup")?);
    }
    take_reports(&mut storm)?;
    Ok(storm)
}

fn place(number: u32) -> Result<Place> {
    let path = format!("/storm-{number}");
    let files = vec![("memory.max".to_owned(), LIMIT_BYTES.to_string())];
    let cgroup = Cgroup { path: Text::from(path.as_bytes()), files };
    let directory = directory(Hierarchy::V2, &cgroup.path);
    Ok(Place { path, directory, made: Made::new(Hierarchy::V2, &cgroup)? })
}

/// Let processes run into the limits until the number is reached, and let the tracer go on after its time.
fn kill_all(plan: &Plan, places: &[Place], go_on: impl FnOnce() -> Result<()>) -> Result<()> {
    let begun = AtomicU32::new(0);
    let kill = |place: &Place| -> Result<()> {
        while begun.fetch_add(1, Ordering::Relaxed) < plan.kills {
            kill_one(place)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = places.iter().map(|place| scope.spawn(move || kill(place))).collect();
        thread::sleep(Duration::from_secs(plan.stopped_s));
        let went_on = go_on();
        let ended = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread died"))?);
        ended.chain([went_on]).collect()
    })
}

fn kill_one(place: &Place) -> Result<()> {
    let mut hog = Command::new(HOG_FILE);
    hog.arg("--cgroup").arg(&place.directory).args(["anon", "--mib", MIB]);
    let status = hog.stdin(Stdio::null()).stdout(Stdio::null()).status().context("starting a process")?;
    ensure!(status.signal() == Some(Signal::KILL.as_raw()), "a process ended with {status}");
    Ok(())
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
