//! docker with data in the test's own directory.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{EATER, Engines, INIT, LIMIT, containerd, kill::Expected};
use crate::host::run::output;

const NAME: &str = "oomtrace-shop";

/// The container that is killed at once.
const BRIEF: &str = "oomtrace-brief";

pub(super) fn daemon(engines: &Engines) -> Command {
    let mut dockerd = Command::new("dockerd");
    dockerd.args(["--storage-driver=vfs", "--iptables=false", "--ip6tables=false", "--bridge=none"]);
    for (option, name) in
        [("--data-root", "docker"), ("--exec-root", "docker-run"), ("--pidfile", "docker.pid")]
    {
        dockerd.arg(option).arg(engines.path(name));
    }
    dockerd.arg("--host").arg(host(engines)).args(["--containerd", containerd::SOCKET]);
    dockerd
}

fn host(engines: &Engines) -> String {
    format!("unix://{}", engines.path("docker.sock").display())
}

fn docker(engines: &Engines) -> Command {
    let mut docker = Command::new("docker");
    docker.arg("--host").arg(host(engines));
    docker
}

pub(super) fn run(engines: &Engines) -> Result<Expected> {
    output(docker(engines).arg("import").arg(engines.path("rootfs.tar")).arg("oomtest"))?;
    let mut run = docker(engines);
    run.args(["run", "-d", "--name", NAME, "--network", "none", "--memory", LIMIT, "oomtest"]);
    let id = output(run.args(INIT))?.trim().to_owned();
    let init_pid = inspect(engines, "{{.State.Pid}}")?.parse().context("docker's pid")?;
    let words = format!("container {NAME} reached its memory limit (24.0 MiB)");
    Ok(Expected { id, runtime: "docker", name: NAME, init_pid, label: NAME.to_owned(), words })
}

fn inspect(engines: &Engines, what: &str) -> Result<String> {
    Ok(output(docker(engines).args(["inspect", "--format", what, NAME]))?.trim().to_owned())
}

pub(super) fn kill(engines: &Engines) -> Result<()> {
    // The command exits like the killed process.
    let _ = docker(engines).args(["exec", NAME]).args(EATER).output().context("docker exec")?;
    Ok(())
}

/// Runs a container whose first process exceeds its limit, until it exits. Returns its identifier and name.
pub(super) fn at_once(engines: &Engines) -> Result<(String, &'static str)> {
    let mut run = docker(engines);
    run.args(["run", "-d", "--name", BRIEF, "--network", "none", "--memory", LIMIT, "oomtest"]);
    let id = output(run.args(EATER))?.trim().to_owned();
    output(docker(engines).args(["wait", BRIEF]))?;
    Ok((id, BRIEF))
}

/// Checks that docker reports no OOM kill after a kill of another process than the container's first.
pub(super) fn sees_nothing(engines: &Engines) -> Result<()> {
    let said = inspect(engines, "{{.State.OOMKilled}} {{.State.Running}}")?;
    ensure!(said == "false true", "docker says: {said}");
    Ok(())
}

pub(super) fn clean_up(engines: &Engines) {
    // They may not exist.
    let _ = docker(engines).args(["rm", "-f", NAME, BRIEF]).output();
}
