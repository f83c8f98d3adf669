//! `cargo xtask endings`: ends processes in ways that look alike, and checks that `oomtrace why` and `record --verdict`
//! distinguish them.

mod way;

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use self::way::Way;
use super::local::{
    Local,
    tracer::{Tracer, at},
};
use crate::host::{
    run::say,
    scratch::{self, Scratch},
    setup,
};

/// `cargo xtask endings`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many processes end while a recorder runs
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// How many commands run under `record --verdict`
    #[arg(long, default_value_t = 140)]
    verdicts: u32,
    /// Start of the random order
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Memory limit of the cgroup in which the processes end.
const LIMIT_BYTES: u64 = 32 << 20;

/// The exit status of `why` if no recorded incident has the process.
const NO_INCIDENT: i32 = 7;

/// Ends the processes and prints the table of docs/why.md.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    ensure!(setup::is_root()?, "tracing and making cgroups require root: run `sudo cargo xtask endings`");
    let hierarchy =
        scratch::hierarchy().context("no cgroup hierarchy with the memory controller can be written")?;
    let local = Local::new(hierarchy)?;
    let cgroup = Scratch::new(&local.hierarchy, b"oomtrace-endings", LIMIT_BYTES)?;
    let scene = Scene { local: &local, cgroup: &cgroup };
    let mut random = fastrand::Rng::with_seed(arguments.seed);
    let mut choose = move || random.choice(Way::ALL).unwrap_or(Way::Oom);

    say(&format!("{} processes end, seed {}", arguments.count, arguments.seed));
    let ways: Vec<Way> = (0..arguments.count).map(|_| choose()).collect();
    let asked = scene.ask(&ways)?;
    say(&format!("{} commands under `record --verdict`", arguments.verdicts));
    let ways: Vec<Way> = (0..arguments.verdicts).map(|_| choose()).collect();
    let judged = ways.iter().map(|way| Ok((*way, scene.verdict(*way)?))).collect::<Result<Vec<_>>>()?;

    println!("| how the process ended | `why` | mistakes | `record --verdict` | mistakes |");
    println!("| --- | --- | --- | --- | --- |");
    for way in Way::ALL {
        println!("| {} | {} | {} |", way.words(), row(&asked, way), row(&judged, way));
    }
    let mistakes = asked.iter().chain(&judged).filter(|(_, is_right)| !is_right).count();
    ensure!(mistakes == 0, "{mistakes} answers were wrong");
    Ok(())
}

/// Returns the number of processes that ended in this way, and the number of wrong answers.
fn row(answers: &[(Way, bool)], way: Way) -> String {
    let of = || answers.iter().filter(|(known, _)| *known == way);
    format!("{} | {}", of().count(), of().filter(|(_, is_right)| !is_right).count())
}

/// The programs and the cgroup of the processes.
struct Scene<'a> {
    local: &'a Local,
    cgroup: &'a Scratch,
}

impl Scene<'_> {
    /// Ends a process in each of these ways while a recorder runs. Then it asks `why` about each of them.
    fn ask(&self, ways: &[Way]) -> Result<Vec<(Way, bool)>> {
        let file = self.local.program("endings.oomtrace");
        let path = file.to_str().context("a path that is not UTF-8")?;
        let tracer = Tracer::start(self.local, &["record", "-o", path])?;
        let ended = ways.iter().map(|way| self.end(*way)).collect::<Result<Vec<u32>>>();
        let said = tracer.end("-INT")?;
        let pids = ended?;
        ensure!(said.status.success(), "the recorder failed: {}", said.stderr);
        let different: BTreeSet<&u32> = pids.iter().collect();
        ensure!(different.len() == pids.len(), "the kernel used a process id twice: use a smaller --count");
        ways.iter().zip(&pids).map(|(way, pid)| Ok((*way, self.is_right(*way, *pid, &file)?))).collect()
    }

    /// Ends one process, and returns its process id.
    fn end(&self, way: Way) -> Result<u32> {
        let mut child = self.shell(Command::new("sh"), way)?.spawn().context("starting a shell")?;
        let status = child.wait().context("waiting for a shell")?;
        ensure!(status.code() != Some(1), "a process could not be moved to {}", self.cgroup.path.display());
        Ok(child.id())
    }

    /// Returns the command for a process that ends in this way.
    fn shell(&self, mut command: Command, way: Way) -> Result<Command> {
        let script = way.script(&self.cgroup.path, &self.local.program("hog"))?;
        command.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    }

    /// Returns whether the answer of `why` is right.
    fn is_right(&self, way: Way, pid: u32, recording: &Path) -> Result<bool> {
        let mut command = Command::new(self.local.program("oomtrace"));
        command.args(["why", &pid.to_string(), "--format", "json"]).arg(recording);
        let output = command.output().context("starting `oomtrace why`")?;
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let (code, verdict) = (output.status.code(), at(&answer, "/verdict").as_str());
        let is_right = if way.is_oom_kill() {
            code == Some(0) && verdict == Some("oom_kill") && *at(&answer, "/pid") == pid
        } else {
            code == Some(NO_INCIDENT)
        };
        if !is_right {
            eprintln!("pid {pid}, {}: `why` ended with {code:?} and said {verdict:?}", way.words());
        }
        Ok(is_right)
    }

    /// Returns whether the verdict of `record --verdict` about a command is right.
    fn verdict(&self, way: Way) -> Result<bool> {
        let files = ["verdict.oomtrace", "verdict.json"].map(|name| self.local.program(name));
        let [recording, verdict] = &files;
        let mut command = Command::new(self.local.program("oomtrace"));
        command.args(["record", "--history", "off", "-o"]).arg(recording);
        command.arg("--verdict").arg(verdict).args(["--", "sh"]);
        self.shell(command, way)?.status().context("starting `oomtrace record`")?;
        let text = std::fs::read(verdict).with_context(|| format!("reading {}", verdict.display()))?;
        let told: Value = serde_json::from_slice(&text).context("reading the verdict")?;
        for file in &files {
            std::fs::remove_file(file).with_context(|| format!("removing {}", file.display()))?;
        }
        let is_right = *at(&told, "/verdict") == way.verdict();
        if !is_right {
            eprintln!("{}: the verdict is {}", way.words(), at(&told, "/verdict"));
        }
        Ok(is_right)
    }
}
