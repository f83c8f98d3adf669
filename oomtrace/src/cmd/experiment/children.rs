//! The processes of a run, as the experiment sees them.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{process::HOLDING, scratch::Tree};
use crate::experiment::{
    plan::{Hog, Process, Work},
    run::{Ended, Started},
};

/// The processes of a run, in the order of the file.
pub(super) struct Children<'a> {
    tree: &'a Tree,
    /// Prefix of the files for the output of commands.
    logs: &'a Path,
    /// The directory in which commands run.
    directory: &'a Path,
    each: Vec<One<'a>>,
}

struct One<'a> {
    process: &'a Process,
    child: Option<Child>,
    /// Receives one message when the process holds its memory.
    holding: Option<Receiver<()>>,
    /// Since when the processes that follow it may start.
    ready_since: Option<Instant>,
    ended: Option<Ended>,
}

impl<'a> Children<'a> {
    pub(super) fn new(tree: &'a Tree, logs: &'a Path, directory: &'a Path, processes: &'a [Process]) -> Self {
        let one = |process| One { process, child: None, holding: None, ready_since: None, ended: None };
        Self { tree, logs, directory, each: processes.iter().map(one).collect() }
    }

    /// Starts the processes that are due and collects those that exited. Returns whether anything changed.
    pub(super) fn go_on(&mut self, begun: Instant) -> Result<bool> {
        let mut changed = false;
        for number in 0..self.each.len() {
            let Some(one) = self.each.get(number) else { continue };
            if one.child.is_none() && self.is_due(one.process, begun) {
                let started = self.start(one.process)?;
                if let Some(one) = self.each.get_mut(number) {
                    one.take(started);
                }
                changed = true;
            }
        }
        for one in &mut self.each {
            changed |= one.look();
            if one.is_hog() && matches!(one.ended, Some(Ended::Status(1..))) {
                bail!("{} failed to do its work", one.process.name);
            }
        }
        Ok(changed)
    }

    fn is_due(&self, process: &Process, begun: Instant) -> bool {
        let since = match &process.after {
            None => Some(begun),
            Some(after) => {
                let before = self.each.iter().find(|one| one.process.name == after.value);
                before.and_then(|one| one.ready_since)
            }
        };
        since.is_some_and(|since| since.elapsed() >= process.delay)
    }

    /// Whether all processes are done: each hog holds its memory or has exited.
    pub(super) fn are_still(&self) -> bool {
        let is_still = |one: &One<'_>| one.ended.is_some() || one.ready_since.is_some() && one.is_hog();
        self.each.iter().all(is_still)
    }

    /// How each process ended.
    pub(super) fn seen(&self) -> Vec<Started> {
        let seen = |one: &One<'_>| Started {
            name: one.process.name.clone(),
            pid: one.child.as_ref().and_then(|child| i32::try_from(child.id()).ok()),
            ended: one.ended,
        };
        self.each.iter().map(seen).collect()
    }

    fn start(&self, process: &Process) -> Result<Child> {
        let Self { tree, logs, directory, .. } = self;
        let starting = || format!("starting {}", process.name);
        let mut command = Command::new("/proc/self/exe");
        command.args(["experiment-process", "--name", &process.name, "--procs"]).arg(tree.procs(process));
        command.args(["--adj", &process.oom_score_adj.to_string()]).stdin(Stdio::null());
        match &process.work {
            Work::Hog(Hog { shape, bytes, rate, count, hold }) => {
                command.args([
                    "--hog",
                    shape.name(),
                    "--size",
                    &bytes.to_string(),
                    "--count",
                    &count.to_string(),
                ]);
                command.args(rate.map(|rate| format!("--rate={rate}")));
                command.args(hold.then_some("--hold")).stdout(Stdio::piped());
            }
            Work::Command(words) => {
                let mut path = logs.as_os_str().to_owned();
                path.push(format!("-{}.log", process.name));
                let log = File::create(&path).with_context(starting)?;
                command.current_dir(directory).arg("--").args(words);
                command.stdout(Stdio::from(log.try_clone().with_context(starting)?)).stderr(Stdio::from(log));
            }
        }
        // The processes must not get an interrupt from the terminal, because they would seem to have failed.
        command.process_group(0).spawn().with_context(starting)
    }

    /// Waits for the processes, whose cgroup has been emptied.
    pub(super) fn bury(mut self) {
        for child in self.each.iter_mut().filter_map(|one| one.child.as_mut()) {
            // The process may have left its cgroup, but it still belongs to the run.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl One<'_> {
    fn take(&mut self, mut child: Child) {
        self.holding = child.stdout.take().map(listen);
        if matches!(self.process.work, Work::Command(_)) {
            self.ready_since = Some(Instant::now());
        }
        self.child = Some(child);
    }

    const fn is_hog(&self) -> bool {
        matches!(self.process.work, Work::Hog(_))
    }

    /// Checks the process. Returns whether it has changed.
    fn look(&mut self) -> bool {
        let mut changed = false;
        if self.ready_since.is_none() && self.holding.as_ref().is_some_and(|word| word.try_recv().is_ok()) {
            self.ready_since = Some(Instant::now());
            changed = true;
        }
        if self.ended.is_none()
            && let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait)
        {
            self.ended = Some(ended(status));
            changed = true;
        }
        changed
    }
}

fn ended(status: ExitStatus) -> Ended {
    match status.signal() {
        Some(signal) => Ended::Signal(signal),
        None => Ended::Status(status.code().unwrap_or(0)),
    }
}

fn listen(stdout: ChildStdout) -> Receiver<()> {
    let (said, heard) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line == HOLDING && said.send(()).is_err() {
                break;
            }
        }
    });
    heard
}

/// The pause between two checks.
pub(super) const STEP: Duration = Duration::from_millis(5);
