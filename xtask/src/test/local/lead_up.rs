//! The minutes before a kill, with programs that allocate memory in a known way.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::kills::escaped;
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

pub(super) const MIB: u64 = 1 << 20;

/// The tolerance of a rate: one part in this many.
const TOLERANCE: u64 = 20;

/// Attempts to grow evenly.
const ATTEMPTS: usize = 3;

/// The rate of the leak in MiB per second.
const RATE: u64 = 10;

/// A hog in the cgroup, which is killed with this value.
pub(super) struct Hog(Child);

impl Hog {
    pub(super) fn start(local: &Local, scratch: &Scratch, arguments: &[&str]) -> Result<Self> {
        let mut hog = Command::new(local.program("hog"));
        hog.args(["--hold", "--cgroup"]).arg(escaped(&scratch.path)).args(arguments);
        hog.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map(Self).context("starting a hog")
    }

    pub(super) fn wait(&mut self) -> Result<u32> {
        self.0.wait().context("waiting for a hog")?;
        Ok(self.0.id())
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        // It may already have been killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets the tracer take some samples.
pub(super) fn samples(count: u64) {
    thread::sleep(Duration::from_secs(count) + Duration::from_millis(500));
}

fn tracer(local: &Local) -> Result<Tracer> {
    Tracer::start(local, &["watch", "--format", "json", "--history", "1s"])
}

/// The lead-up to the kill in this cgroup.
fn lead_up(tracer: Tracer, scratch: &Scratch) -> Result<Value> {
    let reports = tracer.end("-INT")?.reports()?;
    let name = scratch.path.file_name().and_then(|name| name.to_str()).context("a cgroup without a name")?;
    let is_it =
        |report: &&Value| at(report, "/domain/cgroup").as_str().is_some_and(|path| path.ends_with(name));
    // The first one: there may be a second kill.
    let boot_ns = |report: &&Value| at(report, "/boot_ns").as_u64();
    let report = reports.iter().filter(is_it).min_by_key(boot_ns).context("no report of the kill")?;
    ensure!(at(report, "/lead_up").is_object(), "the report has no lead_up: {report}");
    Ok(at(report, "/lead_up").clone())
}

/// Checks that a leak has its rate and its process, that a burst is sudden, and that processes starting one after the other are
/// steps.
pub(super) fn shapes(local: &Local) -> Result<()> {
    leak(local)?;
    burst(local)?;
    steps(local)
}

/// Repeats the test of a leak, because a program does not grow evenly on a busy machine.
fn leak(local: &Local) -> Result<()> {
    let mut last = Ok(());
    for _ in 0..ATTEMPTS {
        last = one_leak(local);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn one_leak(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-leak", 96 * MIB)?;
    let tracer = tracer(local)?;
    samples(2);
    let mut hog = Hog::start(local, &scratch, &["leak", "--mib", "200", "--rate", &RATE.to_string()])?;
    let pid = hog.wait()?;
    let found = lead_up(tracer, &scratch)?;
    ensure!(at(&found, "/shape") == "steady", "a leak is not steady: {found}");
    let rate = at(&found, "/bytes_per_second").as_u64().context("no rate")?;
    ensure!(rate.abs_diff(RATE * MIB) <= RATE * MIB / TOLERANCE, "10 MiB/s are {rate} bytes/s: {found}");
    ensure!(at(&found, "/growers/0/pid") == pid, "the leak is not the first grower: {found}");
    ensure!(at(&found, "/victim_grew") == true, "the victim had grown: {found}");
    Ok(())
}

fn burst(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-burst", 96 * MIB)?;
    let tracer = tracer(local)?;
    let _idle = Hog::start(local, &scratch, &["anon", "--mib", "4"])?;
    samples(4);
    let pid = Hog::start(local, &scratch, &["anon", "--mib", "200"])?.wait()?;
    let found = lead_up(tracer, &scratch)?;
    ensure!(at(&found, "/shape") == "sudden", "a burst is not sudden: {found}");
    ensure!(at(&found, "/growers/0/pid") == pid, "the burst is not the first grower: {found}");
    Ok(())
}

fn steps(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-steps", 96 * MIB)?;
    let tracer = tracer(local)?;
    samples(2);
    let mut hogs = Vec::new();
    for _ in 0..9 {
        hogs.push(Hog::start(local, &scratch, &["anon", "--mib", "12"])?);
        thread::sleep(Duration::from_millis(800));
    }
    let found = lead_up(tracer, &scratch)?;
    ensure!(at(&found, "/growers/4").is_object(), "not all growers are named: {found}");
    // Without the ballot, only the sampled processes are known.
    ensure!(at(&found, "/shape") == "steps", "processes that start are not steps: {found}");
    Ok(())
}

/// Checks a kill of the largest process when another one had grown.
pub(super) fn innocent(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-innocent", 96 * MIB)?;
    let tracer = tracer(local)?;
    let mut large = Hog::start(local, &scratch, &["anon", "--mib", "60"])?;
    samples(4);
    let growing = Hog::start(local, &scratch, &["leak", "--mib", "200", "--rate", &RATE.to_string()])?;
    let pid = large.wait()?;
    let found = lead_up(tracer, &scratch)?;
    ensure!(at(&found, "/victim_grew") == false, "the victim {pid} had not grown: {found}");
    ensure!(at(&found, "/growers/0/pid") == growing.0.id(), "the leak is not the first grower: {found}");
    ensure!(at(&found, "/growers/0/is_victim") == false, "the leak was not killed: {found}");
    Ok(())
}
