//! The processes of a scenario, each run as often as the scenario says.

use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use oomtrace_scenarios::job::HOG_FILE;
use oomtrace_scenarios::observation::ProcessRun;
use oomtrace_scenarios::scenario::{Hierarchy, Part, Process, Scenario};
use oomtrace_scenarios::text::Text;

use crate::cgroup;
use crate::machine::mounts;
use crate::offspring::Offspring;
use crate::pid_namespace::PidNamespaces;
use crate::processes::Processes;

/// The time limit for a process to be ready. Emulation is slow, and slower on a busy machine.
const PREPARING: Duration = Duration::from_secs(60);

/// The processes started so far.
pub(crate) struct Runs<'a> {
    hierarchy: Hierarchy,
    all: Vec<Run<'a>>,
}

/// One run of a process.
struct Run<'a> {
    process: &'a Process,
    number: usize,
    /// The number of runs that follow.
    left: usize,
    /// The arguments of the run.
    cmdline: Vec<Text>,
}

impl<'a> Runs<'a> {
    /// Start each process once and wait until it is ready.
    pub(crate) fn start(scenario: &'a Scenario, processes: &mut Processes) -> Result<Self> {
        let mut runs = Self { hierarchy: scenario.machine.hierarchy, all: Vec::new() };
        let mut namespaces = PidNamespaces::default();
        for process in &scenario.processes {
            let (wait, word) = match process.part {
                Part::Allocator => ("--wait", "ready"),
                Part::Bystander => ("--hold", "holding"),
            };
            let namespace = process.pid_namespace.as_deref();
            let mut command = command(process, runs.hierarchy);
            command.arg(wait);
            let cmdline = words(&command);
            let number = namespaces.start(namespace, || processes.start(&mut command))?;
            let patience = scenario.patience_s.map_or(PREPARING, Duration::from_secs);
            await_word(number, word, patience, processes)
                .with_context(|| format!("preparing {}", process.role))?;
            runs.all.push(Run { process, number, left: process.runs.saturating_sub(1), cmdline });
        }
        Ok(runs)
    }

    /// Release the allocators, each after the end of the process that it follows.
    pub(crate) fn give_word(&self, patience: Duration, processes: &mut Processes) -> Result<()> {
        for run in self.all.iter().filter(|run| run.process.part == Part::Allocator) {
            let before = |role: &String| self.all.iter().find(|run| run.process.role == *role);
            if let Some(before) = run.process.after.as_ref().and_then(before) {
                let ended =
                    |p: &Processes| p.get(before.number).is_ok_and(|process| process.status.is_some());
                processes.until(Instant::now() + patience, ended)?;
            }
            processes.give_word(run.number)?;
        }
        Ok(())
    }

    /// Wait until the last runs of these roles have ended, and start the next run of a process whenever one ends. Give up if
    /// none ends within `patience`.
    pub(crate) fn until_ended(
        &mut self,
        roles: &[String],
        patience: Duration,
        processes: &mut Processes,
    ) -> Result<()> {
        loop {
            self.start_next(processes)?;
            let awaited: Vec<&Run<'_>> =
                self.all.iter().filter(|run| roles.contains(&run.process.role)).collect();
            let is_over = |p: &Processes, run: &Run<'_>| p.get(run.number).is_ok_and(|p| p.status.is_some());
            let moved = |p: &Processes| {
                let over = |run: &&&Run<'_>| is_over(p, run);
                awaited.iter().all(|run| is_over(p, run))
                    || awaited.iter().filter(over).any(|run| run.left > 0)
            };
            if !processes.until(Instant::now() + patience, moved)? {
                bail!("not all of {} ended within {patience:?}", roles.join(", "));
            }
            if awaited.iter().all(|run| run.left == 0 && is_over(processes, run)) {
                return Ok(());
            }
        }
    }

    /// Start the next run of each process that has ended, without waiting.
    fn start_next(&mut self, processes: &mut Processes) -> Result<()> {
        let mut next = Vec::new();
        for run in self.all.iter_mut().filter(|run| run.left > 0) {
            if processes.get(run.number)?.status.is_some() {
                let mut command = command(run.process, self.hierarchy);
                let cmdline = words(&command);
                let number = processes.start(&mut command)?;
                next.push(Run { process: run.process, number, left: run.left - 1, cmdline });
                run.left = 0;
            }
        }
        self.all.extend(next);
        Ok(())
    }

    /// The processes that they started.
    pub(crate) fn offspring(&self, processes: &Processes) -> Result<Offspring> {
        let mut offspring = Offspring::default();
        for run in &self.all {
            offspring.add(run.process, processes.get(run.number)?);
        }
        Ok(offspring)
    }

    /// The results of all runs.
    pub(crate) fn seen(&self, processes: &Processes) -> Result<Vec<ProcessRun>> {
        let seen = |run: &Run<'_>| {
            let process = processes.get(run.number)?;
            Ok(ProcessRun {
                role: run.process.role.clone(),
                pid: process.pid,
                status: process.status,
                cmdline: run.cmdline.clone(),
            })
        };
        self.all.iter().map(seen).collect()
    }
}

/// The command of the memory program for this process.
fn command(process: &Process, hierarchy: Hierarchy) -> Command {
    let mut command = Command::new(HOG_FILE);
    command.arg("--adj").arg(process.oom_score_adj.to_string());
    if process.uid != 0 {
        command.arg("--uid").arg(process.uid.to_string());
    }
    if let Some(comm) = &process.comm {
        command.arg("--comm").arg(comm.to_string());
    }
    if let Some(path) = &process.cgroup {
        let directory = cgroup::directory(hierarchy, path);
        command.arg("--cgroup").arg(Text::from(directory.as_path()).to_string());
    }
    let holds = process.hold && process.part == Part::Allocator;
    command.args(holds.then_some("--hold"));
    command.args(&process.shape).current_dir(mounts::SCRATCH).stdout(Stdio::piped());
    command
}

/// The arguments of the command, starting with the program's name.
fn words(command: &Command) -> Vec<Text> {
    let all = std::iter::once(command.get_program()).chain(command.get_args());
    all.map(|word| word.as_bytes().into()).collect()
}

fn await_word(number: usize, word: &str, patience: Duration, processes: &mut Processes) -> Result<()> {
    let said = |p: &Processes| p.get(number).is_ok_and(|process| process.said(word));
    let over = |p: &Processes| p.get(number).is_ok_and(crate::processes::Process::is_over);
    processes.until(Instant::now() + patience, |p| said(p) || over(p))?;
    if !said(processes) {
        let process = processes.get(number)?;
        bail!("no `{word}` ({:?}): {}", process.status, crate::tracer::text(&process.err));
    }
    Ok(())
}
