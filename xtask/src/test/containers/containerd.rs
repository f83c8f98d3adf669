//! containerd with the cgroups and annotations of a kubelet.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::{EATER, Engines, INIT, LIMIT_BYTES, kill::Expected, podman::podman};
use crate::host::run::output;

pub(super) const SOCKET: &str = "/run/containerd/containerd.sock";

/// Identifiers as the kubelet and the runtime choose them.
const UID: &str = "0d08203e-255a-11e9-8cd9-0007cb0b2cc8";
const ID: &str = "00a1b2c3d4e5f60718293a4b5c6d7e8f00a1b2c3d4e5f60718293a4b5c6d7e8f";

/// The image name that `podman import` gives.
const IMAGE: &str = "localhost/oomtest:latest";

const ANNOTATIONS: [(&str, &str); 4] = [
    ("io.kubernetes.cri.container-name", "web"),
    ("io.kubernetes.cri.sandbox-name", "shop-7d9"),
    ("io.kubernetes.cri.sandbox-namespace", "prod"),
    ("io.kubernetes.cri.sandbox-uid", UID),
];

pub(super) fn daemon(engines: &Engines) -> Command {
    let mut containerd = Command::new("containerd");
    containerd.arg("--root").arg(engines.path("containerd"));
    containerd
}

fn ctr() -> Command {
    let mut ctr = Command::new("ctr");
    ctr.args(["-n", "k8s.io"]);
    ctr
}

pub(super) fn run(engines: &Engines) -> Result<Expected> {
    let archive = engines.path("image.tar");
    output(podman(engines).args(["save", "--format", "oci-archive", "-o"]).arg(&archive).arg(IMAGE))?;
    output(ctr().args(["images", "import", "--snapshotter", "native"]).arg(&archive))?;
    let mut run = ctr();
    run.args(["run", "-d", "--snapshotter", "native", "--memory-limit", LIMIT_BYTES]);
    run.args(["--cgroup", &format!("/kubepods/burstable/pod{UID}/{ID}")]);
    for (key, value) in ANNOTATIONS {
        run.args(["--annotation", &format!("{key}={value}")]);
    }
    output(run.args([IMAGE, ID]).args(INIT))?;
    Ok(Expected {
        id: ID.to_owned(),
        runtime: "containerd",
        name: "web",
        init_pid: init_pid()?,
        label: "prod/shop-7d9 web".to_owned(),
        words: "container web of pod prod/shop-7d9 reached its memory limit (24.0 MiB)".to_owned(),
    })
}

fn init_pid() -> Result<i64> {
    let tasks = output(ctr().args(["task", "ls"]))?;
    let row = tasks.lines().find(|row| row.starts_with(ID)).context("ctr lists no task")?;
    row.split_whitespace().nth(1).context("no pid")?.parse().context("containerd's pid")
}

pub(super) fn kill(_: &Engines) -> Result<()> {
    let mut exec = ctr();
    exec.args(["task", "exec", "--exec-id", "eater", ID]).args(EATER);
    // The command exits like the killed process.
    let _ = exec.output().context("ctr task exec")?;
    Ok(())
}

pub(super) fn clean_up() {
    // They may not exist.
    let _ = ctr().args(["task", "rm", "--force", ID]).output();
    let _ = ctr().args(["container", "rm", ID]).output();
}
