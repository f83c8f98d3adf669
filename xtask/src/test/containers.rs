//! Real container runtimes on this machine: the report of each kill must have the names in the runtime's own files.
//!
//! The programs come from Debian's packages. Their data is in the test's own directory, except for the state of the runtimes in
//! `/run`. If another containerd is running, the test leaves it alone and is skipped.

mod containerd;
mod docker;
mod kill;
mod podman;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use self::kill::{Expected, judge};
use super::{Tally, local::Local, local::tracer::Tracer};
use crate::host::{
    run::{output, say},
    scratch, setup,
};

/// Debian's packages: the engines, a runtime that supports cgroup v1, and the program in the image.
const PACKAGES: [&str; 6] = ["podman", "runc", "conmon", "containerd", "docker.io", "busybox-static"];

/// The memory limit of each container.
const LIMIT: &str = "24m";

/// The same in bytes.
const LIMIT_BYTES: &str = "25165824";

/// Allocates more than the limit: the buffer of one block.
const EATER: [&str; 5] = ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];

/// The first process of each container.
const INIT: [&str; 2] = ["/bin/sleep", "300"];

/// Run the tests.
pub(crate) fn run(tally: &mut Tally) {
    let name = "kills in containers of podman, containerd and docker";
    let Some(hierarchy) = scratch::hierarchy() else {
        return tally.skip(name, "no cgroup hierarchy with the memory controller can be written");
    };
    if let Err(error) = setup::apt(&PACKAGES) {
        return tally.skip(name, format!("no container runtimes: {error:#}"));
    }
    if Path::new("/run/containerd/containerd.sock").exists() {
        return tally.skip(name, "another containerd runs on this machine");
    }
    match Engines::start(hierarchy) {
        Ok(engines) => engines.tests(tally),
        Err(error) => tally.count(name, Err(error)),
    }
}

/// Running engines, and an image for them.
struct Engines {
    local: Local,
    folder: TempDir,
    daemons: Vec<Daemon>,
}

/// A daemon, which is stopped when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        // It may already have exited.
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.0.wait();
    }
}

impl Engines {
    fn start(hierarchy: PathBuf) -> Result<Self> {
        let local = Local::new(hierarchy)?;
        let folder = TempDir::new().context("creating a directory for containers")?;
        let mut engines = Self { local, folder, daemons: Vec::new() };
        engines.image()?;
        engines.daemon(containerd::daemon(&engines), Path::new(containerd::SOCKET))?;
        let socket = engines.path("docker.sock");
        engines.daemon(docker::daemon(&engines), &socket)?;
        Ok(engines)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a daemon and waits for its socket.
    fn daemon(&mut self, mut command: Command, socket: &Path) -> Result<()> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.daemons.push(Daemon(command.spawn().with_context(|| format!("starting {command:?}"))?));
        for _ in 0..300 {
            if socket.exists() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        anyhow::bail!("{command:?} made no {}", socket.display())
    }

    /// An archive of a root file system that contains only busybox.
    fn image(&self) -> Result<()> {
        let root = self.path("rootfs");
        for name in ["bin", "tmp", "etc", "dev", "proc", "sys"] {
            fs::create_dir_all(root.join(name)).with_context(|| format!("making /{name} of the image"))?;
        }
        let busybox = ["/usr/bin/busybox", "/bin/busybox"].into_iter().find(|path| Path::new(path).is_file());
        fs::copy(busybox.context("no busybox")?, root.join("bin/busybox")).context("copying busybox")?;
        for name in ["sh", "sleep", "dd"] {
            symlink("busybox", root.join("bin").join(name)).context("making the image")?;
        }
        output(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(self.path("rootfs.tar")).arg("."))?;
        Ok(())
    }

    fn tests(&self, tally: &mut Tally) {
        say("containers of podman, containerd and docker");
        tally.count("reports the name of a podman container", self.test(podman::run, podman::kill));
        tally.count("reports the names of a containerd pod", self.test(containerd::run, containerd::kill));
        tally.count("reports the name of a docker container", self.test(docker::run, docker::kill));
        tally.count("reports the identifier of a container that is killed at once", self.at_once());
        tally.count("reports a kill that docker does not see", docker::sees_nothing(self));
        tally.count("reports identifiers without the thread for names", self.without_names());
        docker::clean_up(self);
        containerd::clean_up();
        podman::clean_up(self);
    }

    /// Kills in a container that starts while one tracer runs and exists when another one starts. Both must name it.
    fn test(&self, start: fn(&Self) -> Result<Expected>, kill: fn(&Self) -> Result<()>) -> Result<()> {
        let folder = TempDir::new_in(self.folder.path()).context("creating a directory for a recording")?;
        let file = folder.path().join("oom.oomtrace");
        let recorded = file.display().to_string();
        let first = Tracer::start(&self.local, &["watch", "--format", "json", "--record", &recorded])?;
        let expected = start(self)?;
        let second = Tracer::start(&self.local, &["watch"])?;
        // The tracer reads names in advance. The test does not measure how long that takes.
        thread::sleep(Duration::from_secs(2));
        let killed = kill(self);
        thread::sleep(Duration::from_secs(1));
        let (json, line) = (first.end("-INT")?, second.end("-INT")?);
        killed?;
        let report = judge(&expected, &json, &line.stdout)?;
        let replay = output(self.tracer().arg("replay").arg(&file).args(["--format", "json"]))?;
        ensure!(replay.as_bytes() == json.stdout, "the replay differs: {replay}");
        let page = output(self.tracer().arg("show").arg("1").arg(&file).args(["--html", "-"]))?;
        ensure!(page.contains(&expected.label), "the page lacks {}: {report}", expected.label);
        Ok(())
    }

    fn tracer(&self) -> Command {
        Command::new(self.local.program("oomtrace"))
    }

    /// A container whose first process allocates too much at once. Its name is reported if docker wrote its file in time;
    /// another name never is.
    fn at_once(&self) -> Result<()> {
        let tracer = Tracer::start(&self.local, &["watch", "--format", "json"])?;
        let ran = docker::at_once(self);
        thread::sleep(Duration::from_secs(1));
        let reports = tracer.end("-INT")?.reports()?;
        let (id, name) = ran?;
        let containers = reports.iter().filter_map(|report| report.pointer("/victims/0/container"));
        let is_it = |container: &&Value| container["id"] == id.as_str();
        let container =
            containers.clone().find(is_it).with_context(|| format!("{id} is not in {reports:?}"))?;
        ensure!(container["runtime"] == "docker", "{container}");
        ensure!(container["name"].is_null() || container["name"] == name, "{container}");
        Ok(())
    }

    fn without_names(&self) -> Result<()> {
        let tracer =
            Tracer::start(&self.local, &["watch", "--format", "json", "--names", "off", "--history", "off"])?;
        let threads = thread_names(tracer.pid())?;
        let killed = docker::kill(self);
        thread::sleep(Duration::from_secs(1));
        let reports = tracer.end("-INT")?.reports()?;
        killed?;
        ensure!(threads == ["oomtrace", "oomtrace-symbol"], "{threads:?}");
        let container = reports.first().and_then(|report| report.pointer("/victims/0/container"));
        let container = container.context("no report")?;
        ensure!(container["name"].is_null() && container["runtime"] == "docker", "{container}");
        Ok(())
    }
}

/// The names of a process's threads, sorted.
fn thread_names(pid: u32) -> Result<Vec<String>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("reading threads")?;
    let names = threads.map(|thread| {
        let name = fs::read_to_string(thread.context("reading threads")?.path().join("comm"));
        Ok(name.context("reading the name of a thread")?.trim_end().to_owned())
    });
    let mut names: Vec<String> = names.collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}
