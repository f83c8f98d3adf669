//! `oomtrace experiment`: it restores everything, whichever process is killed at whatever moment, and it distinguishes
//! different variants from equal ones.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::Local;
use super::tracer::at;

/// The killed process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    Experiment,
    Supervisor,
    Both,
}

const WHOM: [Whom; 3] = [Whom::Experiment, Whom::Supervisor, Whom::Both];

/// The time limit until everything is restored.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cgroup outside the experiment. One of its files is the knob.
struct Bystander {
    folder: PathBuf,
    knob: PathBuf,
    /// The knob's value at the start of the test.
    value: String,
}

impl Bystander {
    fn new(local: &Local) -> Result<Self> {
        let folder = local.hierarchy.join(format!("oomtrace-bystander-{}", std::process::id()));
        fs::create_dir(&folder).context("making a bystander's cgroup")?;
        let knobs = ["memory.high", "memory.soft_limit_in_bytes"].map(|file| folder.join(file));
        let knob = knobs.into_iter().find(|knob| knob.exists()).context("no file to be a knob")?;
        fs::write(&knob, (1_u64 << 30).to_string()).context("setting the bystander's knob")?;
        let value = fs::read_to_string(&knob).context("reading the bystander's knob")?;
        Ok(Self { folder, knob, value })
    }

    fn is_untouched(&self) -> bool {
        fs::read_to_string(&self.knob).is_ok_and(|now| now == self.value)
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // The cgroup is empty.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// A directory for the files, results and state of one test.
struct Bench {
    folder: tempfile::TempDir,
    bystander: Bystander,
}

impl Bench {
    fn new(local: &Local) -> Result<Self> {
        let folder = tempfile::tempdir().context("creating a directory")?;
        let bystander = Bystander::new(local)?;
        let text = include_str!("experiment.toml").replace("KNOB", &bystander.knob.display().to_string());
        fs::write(folder.path().join("experiment.toml"), text).context("writing the experiment")?;
        Ok(Self { folder, bystander })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, local: &Local, arguments: &[&str]) -> Command {
        let mut command = Command::new(local.program("oomtrace"));
        command.arg("experiment").args(arguments).arg("--state").arg(self.path("state"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn start(&self, local: &Local, result: &str) -> Result<Child> {
        let mut command = self.command(local, &["--allow-system-oom"]);
        command.arg(self.path("experiment.toml")).arg("-o").arg(self.path(result));
        command.spawn().context("starting the experiment")
    }
}

/// Kills at this many random moments, in turn the experiment, its supervisor and both.
pub(crate) fn survives_kills(local: &Local, kills: u32) -> Result<()> {
    let bench = Bench::new(local)?;
    let (mut effective, mut restored) = (0, 0);
    for number in 0..kills {
        let whom = *WHOM.get(usize::try_from(number)? % WHOM.len()).context("no process to kill")?;
        // Moments from before the first change to after the last. They are the same in every run of the test.
        let delay = Duration::from_millis(u64::from(number) * 7919 % 2500);
        let Killed { changed, left } = kill(&bench, local, whom, delay, &format!("result-{number}"))
            .with_context(|| format!("kill {number}: {whom:?} after {delay:?}"))?;
        effective += u32::from(changed);
        restored += u32::from(left);
    }
    ensure!(restored > 0, "no kill left anything for --restore, so it was not tested");
    ensure!(effective * 4 >= kills, "only {effective} of {kills} kills came while anything was changed");
    Ok(())
}

/// The situation at a kill.
struct Killed {
    /// The supervisor existed, so things were changed or about to be.
    changed: bool,
    /// Something was left for `--restore`.
    left: bool,
}

/// Kills once and checks that everything is restored.
fn kill(bench: &Bench, local: &Local, whom: Whom, delay: Duration, result: &str) -> Result<Killed> {
    let mut experiment = bench.start(local, result)?;
    thread::sleep(delay);
    let supervisor =
        children(experiment.id()).into_iter().find(|(_, words)| words.contains("experiment-supervisor"));
    let changed = supervisor.is_some();
    match (whom, supervisor) {
        (Whom::Supervisor, Some((pid, _))) => send_kill(pid),
        (Whom::Both, Some((pid, _))) => {
            // Stop both first, so that neither sees the other's exit.
            signal("-STOP", pid);
            experiment.kill().context("killing the experiment")?;
            send_kill(pid);
        }
        (Whom::Experiment | Whom::Both, _) => experiment.kill().context("killing the experiment")?,
        (Whom::Supervisor, None) => {}
    }
    if whom == Whom::Supervisor && changed {
        // The experiment restores everything itself and exits.
        wait(&mut experiment)?;
    } else {
        experiment.kill().or_else(|_| experiment.try_wait().map(drop)).context("ending the experiment")?;
        experiment.wait().context("waiting for the experiment")?;
    }
    let mut left = false;
    if whom == Whom::Both {
        left = !left_behind(bench, local).is_empty();
        restore(bench, local)?;
    }
    settled(bench, local)?;
    Ok(Killed { changed, left })
}

fn send_kill(pid: u32) {
    signal("-KILL", pid);
}

fn signal(name: &str, pid: u32) {
    // It may already have exited.
    let _ = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status();
}

fn wait(child: &mut Child) -> Result<()> {
    let begun = Instant::now();
    while child.try_wait().context("waiting for the experiment")?.is_none() {
        ensure!(begun.elapsed() < PATIENCE, "the experiment keeps running without its supervisor");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn restore(bench: &Bench, local: &Local) -> Result<()> {
    let begun = Instant::now();
    // The process that was started last may still hold the lock for a moment.
    while !bench.command(local, &["--restore"]).status().context("running --restore")?.success() {
        ensure!(begun.elapsed() < PATIENCE, "--restore does not succeed");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Checks that everything is restored, now or soon.
fn settled(bench: &Bench, local: &Local) -> Result<()> {
    let begun = Instant::now();
    loop {
        let left = left_behind(bench, local);
        if left.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("left behind: {}", left.join(", "));
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn left_behind(bench: &Bench, local: &Local) -> Vec<String> {
    let mut left = Vec::new();
    if !bench.bystander.is_untouched() {
        left.push(format!("{} is changed", bench.bystander.knob.display()));
    }
    let entries = fs::read_dir(&local.hierarchy).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    left.extend(names.filter(|name| name.starts_with("oomtrace-experiment-")));
    let program = local.program("oomtrace");
    left.extend(processes_of(&program).into_iter().map(|(pid, words)| format!("process {pid}: {words}")));
    if bench.path("state").join("experiment.json").exists() {
        left.push("a journal".to_owned());
    }
    left
}

/// Processes of a program, with their command lines.
fn processes_of(program: &Path) -> Vec<(u32, String)> {
    let is_it = |pid: u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
    processes().into_iter().filter(|(pid, _)| is_it(*pid)).collect()
}

fn children(parent: u32) -> Vec<(u32, String)> {
    let is_child = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .any(|line| line.strip_prefix("PPid:").is_some_and(|it| it.trim() == parent.to_string()))
    };
    processes().into_iter().filter(|(pid, _)| is_child(*pid)).collect()
}

fn processes() -> Vec<(u32, String)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let words = |pid| fs::read(format!("/proc/{pid}/cmdline")).map(|words| words.escape_ascii().to_string());
    pids.filter_map(|pid: u32| Some((pid, words(pid).ok()?))).collect()
}

/// Interrupts the experiment at the terminal, which signals every process started there, even while the tracer gets ready. The
/// experiment must exit successfully and leave nothing.
pub(crate) fn ends_on_interrupt(local: &Local, times: u32) -> Result<()> {
    let bench = Bench::new(local)?;
    for number in 0..times {
        let mut command = bench.command(local, &["--allow-system-oom"]);
        command.arg(bench.path("experiment.toml")).arg("-o").arg(bench.path(&format!("result-{number}")));
        let mut experiment = command.process_group(0).spawn().context("starting the experiment")?;
        let begun = Instant::now();
        while !children(experiment.id()).iter().any(|(_, words)| words.contains("--record")) {
            ensure!(begun.elapsed() < PATIENCE, "the experiment starts no tracer");
            thread::sleep(Duration::from_millis(1));
        }
        let group = format!("-{}", experiment.id());
        Command::new("kill").args(["-INT", "--", &group]).status().context("interrupting")?;
        let status = experiment.wait().context("waiting for the experiment")?;
        ensure!(status.success(), "the interrupted experiment exited with {status}");
        settled(&bench, local)?;
    }
    Ok(())
}

/// Checks that two different variants are told apart, and two equal ones are not.
pub(crate) fn tells_apart(local: &Local, repeats: u32) -> Result<()> {
    let bench = Bench::new(local)?;
    let mut command =
        bench.command(local, &["--allow-system-oom", "--repeats", &repeats.to_string(), "--format", "json"]);
    command.arg(bench.path("experiment.toml")).arg("-o").arg(bench.path("result"));
    let ran =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().context("running the experiment")?;
    ensure!(ran.status.success(), "the experiment exited with {}: {}", ran.status, ran.stderr.escape_ascii());
    let result: Value = serde_json::from_slice(&ran.stdout).context("the result")?;
    let comparisons = at(&result, "/comparisons").as_array().context("no comparisons")?;
    let differ = |one: &str, other: &str, figure: &str| {
        let pair =
            |it: &&Value| at(it, "/one") == one && at(it, "/other") == other && at(it, "/figure") == figure;
        let found = comparisons.iter().find(pair).context("no such comparison")?;
        at(found, "/differ").as_bool().context("no verdict")
    };
    ensure!(differ("first", "other", "victim")?, "different variants are not told apart: {result}");
    ensure!(differ("other", "first again", "victim")?, "different variants are not told apart: {result}");
    for figure in ["victim", "cause", "policy", "kills", "collateral"] {
        ensure!(
            !differ("first", "first again", figure)?,
            "equal variants are told apart in {figure}: {result}"
        );
    }
    ensure!(at(&result, "/complete") == true, "runs are missing: {result}");
    settled(&bench, local)
}
