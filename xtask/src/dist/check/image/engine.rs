//! podman with its own storage, which leaves nothing on the machine: a tracer in one container, a victim in another.

mod process;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::super::Built;
use crate::host::run::output;

/// The container that runs out of memory, and its image.
pub(in super::super) const VICTIM: &str = "oomtrace-victim";
const VICTIM_IMAGE: &str = "oomtrace-busybox";

const TRACER: &str = "oomtrace-tracer";
const TRACER_IMAGE: &str = "oomtrace";

/// Allocates more than the victim's limit: the buffer of one block.
const EATER: [&str; 5] = ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];

/// The time limit for the tracer to arm, and for a report.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time in which the tracer reads the names of the victim's container. A separate thread reads them in advance.
const NAMES: Duration = Duration::from_secs(2);

/// The limits of a container. They are lower than podman's own, which a machine without CAP_SYS_RESOURCE refuses.
const LIMITS: [&str; 4] =
    ["--network=none", "--log-driver=k8s-file", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000"];

/// The capabilities of the manifest.
const CAPABILITIES: [&str; 8] =
    ["BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH", "SYS_NICE", "IPC_LOCK", "SYSLOG", "SYS_RESOURCE"];

/// podman, the images, and a waiting victim.
pub(in super::super) struct Engine {
    folder: TempDir,
    /// The capabilities that this machine can give.
    given: Vec<&'static str>,
}

impl Engine {
    pub(in super::super) fn new(built: &Built<'_>) -> Result<Self> {
        let engine =
            Self { folder: TempDir::new().context("making a directory for containers")?, given: given()? };
        let argument = format!("--build-arg=PROGRAM={}", built.program_name());
        let file = built.release.root.join("contrib/Containerfile").display().to_string();
        let context = built.out.display().to_string();
        let tag = format!("--tag={TRACER_IMAGE}");
        engine.podman(&["build", "--quiet", &argument, &tag, "--file", &file, &context])?;
        let archive = engine.busybox()?.display().to_string();
        engine.podman(&["import", "--quiet", &archive, VICTIM_IMAGE])?;
        let name = format!("--name={VICTIM}");
        let mut victim = vec!["run", "--detach", &name, "--memory=24m"];
        victim.extend(LIMITS);
        engine.podman(&[&victim[..], &[VICTIM_IMAGE, "/bin/sleep", "3600"]].concat())?;
        Ok(engine)
    }

    /// The options of a container with the privileges of `contrib/kubernetes/daemonset.yaml`, as far as this machine has them.
    pub(in super::super) fn manifest(&self) -> Vec<String> {
        let mounts = ["/sys/fs/cgroup", "/run/runc", &self.folder.path().display().to_string()]
            .map(|path| format!("--volume={path}:{path}:ro"));
        let others = ["--pid=host", "--read-only", "--security-opt=seccomp=unconfined", "--cap-drop=all"];
        let others = others.map(str::to_owned);
        let capabilities = self.given.iter().map(|name| format!("--cap-add={name}"));
        others.into_iter().chain(mounts).chain(capabilities).collect()
    }

    /// Runs a tracer with these options and causes a kill of a process of the victim. Returns `None` if the tracer exits
    /// instead. The report has an additional key `tracer` with facts about the tracer's process.
    pub(in super::super) fn report(&self, options: &[String]) -> Result<Option<Value>> {
        let name = format!("--name={TRACER}");
        let mut run = vec!["run", "--detach", &name];
        run.extend(LIMITS.iter().copied().chain(options.iter().map(String::as_str)));
        run.extend([TRACER_IMAGE, "watch", "--format=json"]);
        self.podman(&run)?;
        let report = self.kill_and_read();
        // Remove it even after a failure, because the name is used again.
        self.podman(&["rm", "--force", "--time=5", TRACER])?;
        report
    }

    fn kill_and_read(&self) -> Result<Option<Value>> {
        let armed = self.await_log(|text| text.contains("armed").then_some(()))?;
        if armed.is_none() {
            return Ok(None);
        }
        sleep(NAMES);
        // The command exits like a killed process.
        let _ = self.command(&[&["exec", VICTIM], &EATER[..]].concat()).output();
        let pid = self.podman(&["inspect", "--format={{.State.Pid}}", TRACER])?;
        let mut report = self.await_log(|text| text.lines().find_map(report_of_victim))?;
        if let Some(report) = report.as_mut().and_then(Value::as_object_mut) {
            report.insert("tracer".to_owned(), process::facts(pid.trim())?);
        }
        report.context("the tracer exited").map(Some)
    }

    /// Waits until `find` matches the tracer's output. Returns `None` if the tracer exits before.
    fn await_log<T>(&self, find: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        let begun = Instant::now();
        loop {
            let running = self.podman(&["inspect", "--format={{.State.Running}}", TRACER])?;
            let logs = self.command(&["logs", TRACER]).output()?;
            let text = [logs.stdout, logs.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            if let Some(found) = find(&text) {
                return Ok(Some(found));
            }
            if running.trim() == "false" {
                return Ok(None);
            }
            ensure!(begun.elapsed() < PATIENCE, "the tracer printed only: {text}");
            sleep(Duration::from_millis(200));
        }
    }

    fn podman(&self, arguments: &[&str]) -> Result<String> {
        output(&mut self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut podman = Command::new("podman");
        // After an OOM kill, podman's monitor leaves an empty file `oom` in its working directory.
        podman.current_dir(self.folder.path());
        podman.arg("--root").arg(self.folder.path().join("root"));
        podman.arg("--runroot").arg(self.folder.path().join("run"));
        podman.args(["--runtime=runc", "--cgroup-manager=cgroupfs", "--storage-driver=vfs"]).args(arguments);
        podman
    }

    /// An archive of a root file system that contains only busybox.
    fn busybox(&self) -> Result<PathBuf> {
        let root = self.folder.path().join("busybox");
        for name in ["bin", "tmp", "etc", "dev", "proc", "sys"] {
            fs::create_dir_all(root.join(name))?;
        }
        let busybox = ["/usr/bin/busybox", "/bin/busybox"].into_iter().find(|path| Path::new(path).is_file());
        fs::copy(busybox.context("no busybox")?, root.join("bin/busybox"))?;
        for name in ["sleep", "dd"] {
            symlink("busybox", root.join("bin").join(name))?;
        }
        let archive = self.folder.path().join("busybox.tar");
        output(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg("."))?;
        Ok(archive)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The storage cannot be deleted while a container uses it, and the container would outlive it.
        for name in [TRACER, VICTIM] {
            if let Err(error) = self.podman(&["rm", "--force", "--ignore", "--time=0", name]) {
                eprintln!("cannot remove the container {name}: {error:#}");
            }
        }
    }
}

/// The capabilities of the manifest that are in this process's bounding set.
fn given() -> Result<Vec<&'static str>> {
    let status = fs::read_to_string("/proc/self/status").context("reading /proc/self/status")?;
    let set = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).context("no bounding set")?;
    let set = u64::from_str_radix(set.trim(), 16).context("the bounding set is not a number")?;
    Ok(CAPABILITIES
        .into_iter()
        .filter(|name| number(name).is_some_and(|number| set >> number & 1 == 1))
        .collect())
}

/// The number in `include/uapi/linux/capability.h`.
fn number(name: &str) -> Option<u32> {
    const NUMBERS: [(&str, u32); 8] = [
        ("DAC_READ_SEARCH", 2),
        ("IPC_LOCK", 14),
        ("SYS_PTRACE", 19),
        ("SYS_NICE", 23),
        ("SYS_RESOURCE", 24),
        ("SYSLOG", 34),
        ("PERFMON", 38),
        ("BPF", 39),
    ];
    NUMBERS.into_iter().find(|(known, _)| *known == name).map(|(_, number)| number)
}

/// The report in a line, if its victim was in the victim's container.
fn report_of_victim(line: &str) -> Option<Value> {
    let report: Value = serde_json::from_str(line).ok()?;
    let comm = report.pointer("/victims/0/comm")?.as_str()?;
    (comm == "dd").then_some(report)
}
