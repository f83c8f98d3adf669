//! podman with storage in the test's own directory.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::{EATER, Engines, INIT, LIMIT, kill::Expected};
use crate::host::run::output;

const NAME: &str = "oomtrace-web";

pub(super) fn podman(engines: &Engines) -> Command {
    let mut podman = Command::new("podman");
    podman.arg("--root").arg(engines.path("podman")).arg("--runroot").arg(engines.path("podman-run"));
    podman.args(["--runtime", "runc", "--cgroup-manager=cgroupfs", "--storage-driver=vfs"]);
    podman
}

pub(super) fn run(engines: &Engines) -> Result<Expected> {
    output(podman(engines).arg("import").arg(engines.path("rootfs.tar")).arg("oomtest"))?;
    let mut run = podman(engines);
    run.args(["run", "-d", "--name", NAME, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]);
    run.args(["--memory", LIMIT, "--network=none", "--log-driver=k8s-file", "oomtest"]).args(INIT);
    let id = output(&mut run)?.trim().to_owned();
    let pid = output(podman(engines).args(["inspect", "--format", "{{.State.Pid}}", NAME]))?;
    let init_pid = pid.trim().parse().context("podman's pid")?;
    let words = format!("container {NAME} reached its memory limit (24.0 MiB)");
    Ok(Expected { id, runtime: "podman", name: NAME, init_pid, label: NAME.to_owned(), words })
}

/// Kills a process other than the first, so the container keeps running.
pub(super) fn kill(engines: &Engines) -> Result<()> {
    // The command fails, because its process is killed.
    let _ = podman(engines).args(["exec", NAME]).args(EATER).output().context("podman exec")?;
    Ok(())
}

pub(super) fn clean_up(engines: &Engines) {
    // They may not exist.
    let _ = podman(engines).args(["rm", "-f", "-t", "0", NAME]).output();
}
