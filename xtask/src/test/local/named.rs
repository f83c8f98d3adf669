//! Names of containers whose files and cgroups look like those of the engines.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{
    Local,
    kills::kill_one,
    tracer::{Tracer, at},
};
use crate::{
    host::{run::output, scratch::Scratch},
    named::{Container, Named},
    setup,
};

/// The limit of each cgroup.
const LIMIT_BYTES: u64 = 4 << 20;

/// The names of the files that name containers.
const FILES: [&str; 5] = ["config.json", "state.json", "config.v2.json", "containers.json", "init.pid"];

/// The longest time to wait for a step of the tracer. The tests do not measure how long it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tracer reads the files of a container without a first process several times, at most 3 s after the previous time.
const QUIET: Duration = Duration::from_secs(4);

/// Polls until a condition is true. Returns whether it became true in time.
fn wait_until(mut is_true: impl FnMut() -> Result<bool>) -> Result<bool> {
    let start = Instant::now();
    loop {
        if is_true()? {
            return Ok(true);
        }
        if start.elapsed() > PATIENCE {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// A tracer that also records, so that its reports can be read before it exits.
struct Recorded<'a> {
    local: &'a Local,
    tracer: Tracer,
    recording: PathBuf,
}

impl<'a> Recorded<'a> {
    fn start(local: &'a Local) -> Result<Self> {
        let recording = local.program("named.oomtrace");
        // It may be left from the previous test.
        drop(fs::remove_file(&recording));
        let path = recording.to_str().context("the scratch directory's path")?;
        let tracer = Tracer::start(local, &["watch", "--format", "json", "--record", path])?;
        Ok(Self { local, tracer, recording })
    }

    /// The reports so far. The recording may not be readable at every moment.
    fn reports(&self) -> Vec<Value> {
        let mut replay = Command::new(self.local.program("oomtrace"));
        replay.arg("replay").arg(&self.recording).args(["--format", "json"]);
        let lines = output(&mut replay).unwrap_or_default();
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Kills in a container until a report has its name, because the tracer reads names in advance.
    fn wait_for_name(&self, container: &Container) -> Result<()> {
        let name = container.name();
        let is_known = wait_until(|| {
            kill_one(self.local, &container.scratch, &[])?;
            thread::sleep(Duration::from_millis(200));
            Ok(self.reports().iter().any(|report| *at(report, "/victims/0/container/name") == *name))
        })?;
        ensure!(is_known, "no report has the name {name} after {} s", PATIENCE.as_secs());
        Ok(())
    }
}

fn containers(local: &Local, count: usize) -> Result<Named> {
    let mut named = Named::new(&local.hierarchy)?;
    (0..count).try_for_each(|_| named.add(LIMIT_BYTES))?;
    named.write(named.containers())?;
    Ok(named)
}

/// The container of a victim in the reports.
fn victims_container(reports: &[Value], pid: u32) -> Result<&Value> {
    let report = reports.iter().find(|report| at(report, "/victims/0/pid") == pid);
    Ok(at(report.with_context(|| format!("no report of pid {pid}"))?, "/victims/0/container"))
}

/// strace on a running tracer, which writes the system calls with paths to a file.
struct Strace(Child);

impl Strace {
    fn attach(tracer: &Tracer, log: &Path) -> Result<Self> {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-y", "-e", "trace=%file", "-o"]).arg(log);
        strace.args(["-p", &tracer.pid().to_string()]).stderr(Stdio::piped());
        let mut child = strace.spawn().context("starting strace")?;
        let mut said = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut line = String::new();
        said.read_line(&mut line).context("reading strace's stderr")?;
        ensure!(line.contains("attached"), "strace is not attached: {line}");
        // It attaches to the other threads at once, and its messages must be read.
        thread::spawn(move || said.lines().count());
        Ok(Self(child))
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // strace then leaves the tracer alone. It may already have exited.
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// Waits until the tracer no longer reads files with names. Returns the length of strace's log.
fn wait_for_quiet(log: &Path) -> Result<usize> {
    let (mut count, mut length, mut since) = (0, 0, Instant::now());
    let is_quiet = wait_until(|| {
        let calls = fs::read_to_string(log).context("reading strace's log")?;
        let reads = calls.lines().filter(|line| FILES.iter().any(|file| line.contains(file))).count();
        if reads != count {
            (count, since) = (reads, Instant::now());
        }
        length = calls.len();
        Ok(since.elapsed() > QUIET)
    })?;
    ensure!(is_quiet, "the tracer reads files with names again and again");
    Ok(length)
}

/// Checks that kills in named containers open none of the files with names, and that their reports have the names.
pub(super) fn opens_no_file(local: &Local) -> Result<()> {
    setup::apt(&["strace"])?;
    let named = containers(local, 6)?;
    let recorded = Recorded::start(local)?;
    named.containers().iter().try_for_each(|container| recorded.wait_for_name(container))?;
    let log = local.program("strace.log");
    let strace = Strace::attach(&recorded.tracer, &log)?;
    let before = wait_for_quiet(&log)?;
    let kill = |container: &Container| Ok((kill_one(local, &container.scratch, &[])?, container.name()));
    let killed: Vec<(u32, String)> = named.containers().iter().map(kill).collect::<Result<_>>()?;
    let new_calls = || -> Result<String> {
        let calls = fs::read_to_string(&log).context("reading strace's log")?;
        Ok(calls.get(before..).unwrap_or_default().to_owned())
    };
    let (last, _) = killed.last().context("no kill")?;
    let is_shown = wait_until(|| Ok(new_calls()?.contains(&format!("/proc/{last}/"))))?;
    ensure!(is_shown, "strace does not show the reads of pid {last}");
    // Only then has the tracer looked for the last container's name.
    let is_reported = wait_until(|| Ok(victims_container(&recorded.reports(), *last).is_ok()))?;
    ensure!(is_reported, "the recording does not show the kill of pid {last}");
    let calls = new_calls()?;
    named.describe_again()?;
    let has_read = wait_until(|| Ok(new_calls()?.contains("config.v2.json")))?;
    ensure!(has_read, "strace does not show how a changed file is read");
    drop(strace);
    let reports = recorded.tracer.end("-INT")?.reports()?;
    for (pid, name) in killed {
        ensure!(calls.contains(&format!("/proc/{pid}/")), "strace does not show the reads of pid {pid}");
        let container = victims_container(&reports, pid)?;
        ensure!(container["name"] == name.as_str(), "the name is not {name}: {container}");
    }
    let opened = FILES.iter().find(|file| calls.contains(*file));
    ensure!(opened.is_none(), "a kill opened {opened:?}: {calls}");
    Ok(())
}

/// Kills in containers as soon as they exist. Each report has the identifier, and the name or none.
pub(super) fn brief(local: &Local) -> Result<()> {
    let mut named = Named::new(&local.hierarchy)?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    let mut killed = Vec::new();
    for _ in 0..30 {
        let began = Instant::now();
        named.add(LIMIT_BYTES)?;
        let last = named.containers().last().context("no container")?;
        named.write(std::slice::from_ref(last))?;
        killed.push((kill_one(local, &last.scratch, &[])?, began.elapsed()));
    }
    thread::sleep(Duration::from_secs(1));
    let reports = tracer.end("-INT")?.reports()?;
    let mut with_name = 0;
    for ((pid, _), container) in killed.iter().zip(named.containers()) {
        let told = victims_container(&reports, *pid)?;
        ensure!(told["id"] == container.id.as_str(), "the identifier is not {}: {told}", container.id);
        ensure!(told["name"].is_null() || told["name"] == container.name().as_str(), "{told}");
        with_name += usize::from(!told["name"].is_null());
    }
    let quick = killed.iter().filter(|(_, took)| *took < Duration::from_millis(50)).count();
    println!(
        "{quick} of {} containers existed for less than 50 ms; {with_name} have their name",
        killed.len()
    );
    Ok(())
}

/// Checks that no container gets another one's name: neither by the name of a cgroup in its own cgroup, nor by files that
/// another user can write, nor by a symbolic link.
pub(super) fn hostile(local: &Local) -> Result<()> {
    let named = containers(local, 6)?;
    let [outer, victim, writable, linked, .., last] = named.containers() else {
        anyhow::bail!("no containers")
    };
    let open = named.state(writable);
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).context("making a state writable")?;
    let link = named.state(linked).join("config.json");
    let target = named.state(outer).join("config.json");
    fs::remove_file(&link).context("removing a configuration")?;
    symlink(target, &link).context("linking a configuration")?;
    let level = victim.scratch.path.file_name().context("no name")?.as_encoded_bytes();
    let inner = Scratch::new(&outer.scratch.path, level, LIMIT_BYTES)?;
    let recorded = Recorded::start(local)?;
    // The last container is of podman, whose files are read last.
    for container in [outer, victim, last] {
        recorded.wait_for_name(container)?;
    }
    let kills = [
        (&inner, &victim.id, None),
        (&outer.scratch, &outer.id, Some(outer.name())),
        (&victim.scratch, &victim.id, Some(victim.name())),
        (&writable.scratch, &writable.id, None),
        (&linked.scratch, &linked.id, None),
    ];
    let kill = |(scratch, ..): &(&Scratch, &String, Option<String>)| kill_one(local, scratch, &[]);
    let pids = kills.iter().map(kill).collect::<Result<Vec<u32>>>()?;
    thread::sleep(Duration::from_secs(1));
    let reports = recorded.tracer.end("-INT")?.reports()?;
    for ((_, id, name), pid) in kills.iter().zip(pids) {
        let told = victims_container(&reports, pid)?;
        ensure!(told["id"] == id.as_str(), "the identifier is not {id}: {told}");
        ensure!(told["name"].as_str() == name.as_deref(), "the name is not {name:?}: {told}");
    }
    Ok(())
}
