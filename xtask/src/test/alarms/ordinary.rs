//! Ordinary kills that have nothing to do with memory.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::place::Scene;

/// A way to kill a process.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// By its parent.
    Parent,
    /// By `timeout`.
    Timeout,
    /// As a service that ignores SIGTERM.
    Stop,
    /// By a shell, with `kill -9`.
    Shell,
    /// With its process group, as CI runners do.
    Group,
    /// By its parent, which then restarts it.
    Restart,
}

impl Way {
    pub(super) const ALL: [Self; 6] =
        [Self::Parent, Self::Timeout, Self::Stop, Self::Shell, Self::Group, Self::Restart];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Parent => "killed by its parent",
            Self::Timeout => "killed by `timeout`",
            Self::Stop => "stopped: SIGTERM, then SIGKILL",
            Self::Shell => "`kill -9` in a shell",
            Self::Group => "killed with its process group",
            Self::Restart => "killed and started again",
        }
    }

    /// Causes one kill.
    pub(super) fn kill(self, scene: &Scene) -> Result<()> {
        match self {
            Self::Parent => end(scene.start("exec sleep 60")?),
            Self::Timeout => {
                let mut child = scene.start("exec timeout -s KILL 0.01 sleep 60")?;
                child.wait().map(drop).context("waiting for `timeout`")
            }
            Self::Stop => {
                let child = scene.start("trap '' TERM; sleep 60 & wait; sleep 60")?;
                signal("-TERM", &child.id().to_string())?;
                end_group(child)
            }
            Self::Shell => {
                let mut child = scene.start("exec sleep 60")?;
                let kill = format!("kill -9 {}", child.id());
                let sent = Command::new("sh").args(["-c", &kill]).status().context("starting a shell")?;
                ensure!(sent.success(), "`{kill}` failed");
                child.wait().map(drop).context("waiting for the killed process")
            }
            Self::Group => end_group(scene.start("sleep 60 & sleep 60 & sleep 60 & wait")?),
            Self::Restart => {
                end(scene.start("exec sleep 60")?)?;
                end(scene.start("exec sleep 60")?)
            }
        }
    }
}

impl Scene {
    /// Starts a process in the target's cgroup and waits until it is ready.
    fn start(&self, script: &str) -> Result<Child> {
        let script = format!("echo $$ > {}/cgroup.procs && echo ready; {script}", self.target().display());
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().context("starting a shell")?;
        let mut word = String::new();
        let stdout = child.stdout.take().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut word).context("reading from a shell")?;
        ensure!(word == "ready\n", "a process could not be moved to {}", self.target().display());
        Ok(child)
    }
}

fn end(mut child: Child) -> Result<()> {
    child.kill().context("killing a child")?;
    child.wait().map(drop).context("waiting for a child")
}

/// Kills a process group, whose leader is the child.
fn end_group(mut child: Child) -> Result<()> {
    signal("-KILL", &format!("-{}", child.id()))?;
    child.wait().map(drop).context("waiting for a child")
}

fn signal(signal: &str, to: &str) -> Result<()> {
    let sent = Command::new("kill").args([signal, "--", to]).status().context("sending a signal")?;
    ensure!(sent.success(), "`kill {signal} {to}` failed");
    Ok(())
}
