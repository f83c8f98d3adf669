//! Processes that a process of the scenario made and told of by `child PID`. They are children of ours: see `hog`.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oomtrace_scenarios::observation::{ProcessRun, Status};
use oomtrace_scenarios::scenario;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::processes::Process;

/// Those of one scenario.
#[derive(Default)]
pub(crate) struct Offspring {
    runs: Vec<ProcessRun>,
}

impl Offspring {
    /// Take in whom a process told of: as many as the scenario knows of, in their order.
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

    /// Wait until those with these roles have ended; how all of them did, as far as they have.
    pub(crate) fn statuses(&mut self, ends: &[String], deadline: Instant) -> Result<Vec<ProcessRun>> {
        loop {
            for run in self.runs.iter_mut().filter(|run| run.status.is_none()) {
                run.status = status(run.pid)?;
            }
            let awaited = |run: &ProcessRun| run.status.is_none() && ends.contains(&run.role);
            if !self.runs.iter().any(awaited) || Instant::now() >= deadline {
                return Ok(self.runs.clone());
            }
            // A pidfd for each would not be simpler: by now they are all but gone.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Offspring {
    fn drop(&mut self) {
        for pid in self.runs.iter().filter(|run| run.status.is_none()).filter_map(|run| pid_of(run.pid).ok())
        {
            // It is ours and was not waited for, so its number is still its own.
            let killed = kill_process(pid, Signal::KILL);
            if let Err(error) = killed.and_then(|()| waitpid(Some(pid), WaitOptions::empty())) {
                eprintln!("guest: ending process {}: {error}", pid.as_raw_nonzero());
            }
        }
    }
}

/// How it ended, once it has.
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
