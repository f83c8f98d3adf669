//! `cargo xtask experiments`: runs the ready experiments unattended, each in its own guest, or runs the safety test at length.

mod python;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::job::{Command, Meanwhile, TRACER_FILE};
use oomtrace_scenarios::observation::{CommandRun, Status};
use oomtrace_scenarios::scenario::Machine;
use serde_json::Value;

use crate::host::run::say;
use crate::host::{scratch, workspace};
use crate::kernels::{self, Kernel};
use crate::test::local::{Local, experiment};
use crate::vm::guest::initramfs::Extra;
use crate::vm::guest::programs::{self, Programs};
use crate::vm::{commands, install_qemu};

/// The directory of the files in the guest.
const FOLDER: &str = "/experiments";

/// The time limit of an experiment in a guest, in s.
const DEADLINE_S: u64 = 3600;

/// `cargo xtask experiments`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Names of experiments, without `.toml` (default: all)
    names: Vec<String>,
    /// The kernel they run on
    #[arg(long, default_value = "6.12")]
    series: String,
    /// Runs of each variant (default: as many as the file says)
    #[arg(long)]
    repeats: Option<u32>,
    /// Instead, kill experiments, supervisors or both on this machine at this many moments, and check that nothing stays
    /// changed
    #[arg(long, value_name = "N", conflicts_with_all = ["names", "repeats"])]
    kills: Option<u32>,
    /// Instead, check on this machine that this many repeats tell two different variants apart, and two equal ones not
    #[arg(long, value_name = "N", conflicts_with_all = ["names", "repeats", "kills"])]
    apart: Option<u32>,
}

/// `cargo xtask experiments`
pub(crate) fn task(options: &Arguments) -> Result<()> {
    if options.kills.is_some() || options.apart.is_some() {
        let hierarchy =
            scratch::hierarchy().context("no cgroup hierarchy with the memory controller can be written")?;
        let local = Local::new(hierarchy)?;
        options.kills.map_or(Ok(()), |kills| experiment::survives_kills(&local, kills))?;
        options.apart.map_or(Ok(()), |repeats| experiment::tells_apart(&local, repeats))?;
        println!("everything was as it should be");
        return Ok(());
    }
    install_qemu(Arch::X86_64)?;
    let kernel = kernels::ensure(&options.series)?;
    let programs = programs::build(true)?;
    let mut failed = Vec::new();
    for file in files(&options.names)? {
        say(&format!("{} on {}", file.display(), kernel.release));
        let ran = one(&kernel, &programs, &file, options.repeats).and_then(|runs| show(&runs));
        if let Err(error) = ran {
            eprintln!("xtask: {error:#}");
            failed.push(file.display().to_string());
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// The files of the experiments.
fn files(names: &[String]) -> Result<Vec<PathBuf>> {
    let directory = workspace::root().join("contrib/experiments");
    let entries = fs::read_dir(&directory).with_context(|| format!("listing {}", directory.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let is_wanted = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        path.extension().is_some_and(|ending| ending == "toml")
            && (names.is_empty() || names.iter().any(|name| *name == stem))
    };
    let mut files: Vec<PathBuf> = paths.into_iter().filter(is_wanted).collect();
    files.sort();
    ensure!(!files.is_empty() && files.len() >= names.len(), "no such experiment in {}", directory.display());
    Ok(files)
}

/// The machine of an experiment: 512 MiB if the machine itself runs out.
fn machine(text: &str) -> Machine {
    let is_global = !text.contains("\nlimit = ");
    let swap_mib = if text.contains("\nswap_limit = ") { 192 } else { 0 };
    Machine { memory_mib: if is_global { 512 } else { 1024 }, swap_mib, ..Machine::default() }
}

fn one(kernel: &Kernel, programs: &Programs, file: &Path, repeats: Option<u32>) -> Result<Vec<CommandRun>> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let name = file.file_name().context("a file without a name")?.to_string_lossy().into_owned();
    let mut extras = vec![plain(&name, text.clone().into_bytes())];
    let mut commands = vec![run_it(&name, repeats)];
    if text.contains("python3") {
        extras.extend(python::files()?);
        let script = file.with_extension("py");
        let data = fs::read(&script).with_context(|| format!("reading {}", script.display()))?;
        extras.push(plain(&script.file_name().unwrap_or_default().to_string_lossy(), data));
        commands.push(read_logs());
    }
    if text.contains("oom_kill_allocating_task") {
        commands.extend(kill_it(&name));
    }
    commands::run_with(kernel, programs, &machine(&text), true, &extras, &commands)
}

fn plain(name: &str, data: Vec<u8>) -> Extra {
    Extra { path: format!("{FOLDER}/{name}"), data, is_program: false }
}

fn run_it(name: &str, repeats: Option<u32>) -> Command {
    let file = format!("{FOLDER}/{name}");
    let words = [TRACER_FILE, "experiment", &file, "--output", "/tmp/result", "--allow-system-oom"];
    let repeats = repeats.map(|repeats| format!("--repeats={repeats}"));
    let arguments = words.into_iter().map(str::to_owned).chain(repeats).collect();
    Command { name: name.to_owned(), arguments, deadline_s: DEADLINE_S, ..Command::default() }
}

/// Runs the experiment again, kills it with SIGKILL while the knob is set, and reads the knob afterwards.
fn kill_it(name: &str) -> Vec<Command> {
    let mut killed = run_it(name, Some(2));
    killed.name = KILLED.to_owned();
    let place = killed.arguments.iter_mut().find(|word| *word == "/tmp/result");
    place.into_iter().for_each(|place| *place = "/tmp/killed".to_owned());
    // By the file's seed the second run is the one with 1; a look at all processes lets it begin.
    let run = [TRACER_FILE, "rank", "--over", "0s"].map(str::to_owned).to_vec();
    killed.meanwhile = Some(Meanwhile { word: "run 1 of".to_owned(), run, signal: Some(9) });
    let demo = [TRACER_FILE, "demo", "--format", "json"].map(str::to_owned).to_vec();
    vec![killed, Command { name: AFTERWARDS.to_owned(), arguments: demo, ..Command::default() }]
}

const KILLED: &str = "an experiment is killed";
const AFTERWARDS: &str = "the knob afterwards";

/// Prints the logs of the service, each different log once with the number of its runs.
fn read_logs() -> Command {
    let program = "import collections, glob\n\
                   logs = collections.Counter(open(name).read().strip() for name in glob.glob('/tmp/result/runs/*.log'))\n\
                   for log, count in logs.most_common(): print(f'{count} runs: {log}')";
    let arguments = [python::PROGRAM, "-c", program].map(str::to_owned).to_vec();
    Command { name: "the logs of the service".to_owned(), arguments, ..Command::default() }
}

/// Prints the output of the commands. Fails if a command failed, if a prediction of `whatif` did not come true, or if a knob
/// was not restored.
fn show(runs: &[CommandRun]) -> Result<()> {
    for run in runs {
        let text = String::from_utf8_lossy(run.stdout.as_bytes());
        let complaint = run.stderr.to_chars();
        ensure!(run.failure.is_none(), "{}: {:?}: {complaint}", run.name, run.failure);
        if run.name == KILLED {
            ensure!(matches!(run.status, Some(Status::Signal(9))), "{KILLED}: {:?}: {complaint}", run.status);
            continue;
        }
        if !matches!(run.status, Some(Status::Code(0))) {
            // An experiment that failed half way prints its partial results.
            println!("{text}");
            bail!("{}: {:?}: {complaint}", run.name, run.status);
        }
        if run.name == AFTERWARDS {
            let report: Value = serde_json::from_str(&text).context("the demo's report")?;
            let knob = report.pointer("/sysctl/oom_kill_allocating_task").and_then(Value::as_i64);
            ensure!(knob == Some(0), "after a kill the knob is {knob:?}");
            println!("killed while vm.oom_kill_allocating_task was 1; afterwards it is 0 again\n");
            continue;
        }
        println!("{text}");
        for line in text.lines() {
            ensure!(
                predictions_came_true(line) != Some(false),
                "{}: a prediction did not come true: {line}",
                run.name
            );
        }
    }
    Ok(())
}

/// For a line `N of M predictions name the usual victim`, whether N equals M.
fn predictions_came_true(line: &str) -> Option<bool> {
    let (before, _) = line.split_once(" predictions name the usual victim")?;
    let (before, claimed) = before.rsplit_once(" of ")?;
    let (_, true_ones) = before.rsplit_once(": ")?;
    Some(true_ones.trim() == claimed.trim())
}

#[cfg(test)]
mod tests {
    use super::predictions_came_true;

    #[test]
    fn compares_predictions_with_the_outcome() {
        let line = |first, all| {
            format!("from a, of b: x 20×; it was x 20×: {first} of {all} predictions name the usual victim")
        };
        assert_eq!(predictions_came_true(&line(20, 20)), Some(true));
        assert_eq!(predictions_came_true(&line(19, 20)), Some(false));
        assert_eq!(predictions_came_true("victim  x 20×"), None);
    }
}
