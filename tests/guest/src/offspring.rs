//! Processes that a process of the scenario started and announced with `child PID`. They are children of this PID 1: see `hog`.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oomtrace_scenarios::observation::{ProcessRun, Status};
use oomtrace_scenarios::scenario;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::processes::Process;

/// The announced processes of one scenario.
#[derive(Default)]
pub(crate) struct Offspring {
    runs: Vec<ProcessRun>,
}

impl Offspring {
    /// Add the processes that a process announced, in their order and at most as many as the scenario knows.
    pub(crate) fn add(&mut self, maker: &scenario::Process, process: &Process) {
        let named = process.out.iter().filter_map(|line| line.strip_prefix(b"child "));
        let pids = named.filter_map(|pid| std::str::from_utf8(pid).ok()?.parse().ok());
        let runs = maker.children.iter().zip(pids).map(|(role, pid)| ProcessRun {
            role: role.clone(),
            pid,
            ..ProcessRun::default()
        });
        self.runs.extend(runs);
    }

    /// Wait until the processes with these roles have ended. Returns the statuses of all that have.
    pub(crate) fn statuses(&mut self, ends: &[String], deadline: Instant) -> Result<Vec<ProcessRun>> {
        loop {
            for run in self.runs.iter_mut().filter(|run| run.status.is_none()) {
                run.status = status(run.pid)?;
            }
            let awaited = |run: &ProcessRun| run.status.is_none() && ends.contains(&run.role);
            if !self.runs.iter().any(awaited) || Instant::now() >= deadline {
                return Ok(self.runs.clone());
            }
            // A pidfd for each process would not be simpler, and almost all of them have exited by now.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Offspring {
    fn drop(&mut self) {
        for pid in self.runs.iter().filter(|run| run.status.is_none()).filter_map(|run| pid_of(run.pid).ok())
        {
            // The process is a child that was not waited for, so its number is not reused.
            let killed = kill_process(pid, Signal::KILL);
            if let Err(error) = killed.and_then(|()| waitpid(Some(pid), WaitOptions::empty())) {
                eprintln!("guest: ending process {}: {error}", pid.as_raw_nonzero());
            }
        }
    }
}

/// The exit status, if the process has ended.
fn status(pid: u32) -> Result<Option<Status>> {
    let ended =
        waitpid(Some(pid_of(pid)?), WaitOptions::NOHANG).with_context(|| format!("waiting for {pid}"))?;
    let status = ended.map(|(_, status)| {
        let code = status.exit_status().map(Status::Code);
        code.or_else(|| status.terminating_signal().map(Status::Signal))
    });
    Ok(status.flatten())
}

fn pid_of(pid: u32) -> Result<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).with_context(|| format!("{pid} is no process id"))
}
