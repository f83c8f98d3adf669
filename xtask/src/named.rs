//! Containers with names: cgroups, and the files in which containerd, docker and podman keep the names.
//!
//! The cgroups are real, and the files are where the engines put them. There are no processes in them until a test starts one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::host::scratch::Scratch;

/// containerd's directory of tasks.
const TASKS: &str = "/run/containerd/io.containerd.runtime.v2.task";

/// runc's directory of containers.
const STATES: &str = "/run/runc";

/// The socket of a containerd that runs on this machine.
const SOCKET: &str = "/run/containerd/containerd.sock";

/// The cgroup above all of them.
const ABOVE: &str = "oomtrace-named";

/// Containers, which are removed when dropped.
pub(crate) struct Named {
    directory: TempDir,
    /// The directories to remove, parents first. Removing one that others use as well fails, which is right.
    made: Vec<PathBuf>,
    containers: Vec<Container>,
    above: Scratch,
}

/// A container of an engine.
pub(crate) struct Container {
    number: usize,
    pub(crate) id: String,
    /// Its cgroup, removed when dropped.
    pub(crate) scratch: Scratch,
}

/// The engines of the containers, in turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Containerd,
    Docker,
    Podman,
}

impl Container {
    /// The name in the engine's files.
    pub(crate) fn name(&self) -> String {
        format!("named-{}", self.number)
    }

    fn engine(&self) -> Engine {
        match self.number % 3 {
            0 => Engine::Containerd,
            1 => Engine::Docker,
            _ => Engine::Podman,
        }
    }

    /// The path of its cgroup in the kernel.
    fn path(&self) -> String {
        format!("/{ABOVE}/{}", level(self.number, &self.id))
    }
}

/// The name that the engine gives the cgroup.
fn level(number: usize, id: &str) -> String {
    match number % 3 {
        0 => format!("cri-containerd-{id}"),
        1 => format!("docker-{id}"),
        _ => format!("libpod-{id}"),
    }
}

impl Named {
    /// Prepares the directories. Fails if another containerd runs on this machine.
    pub(crate) fn new(hierarchy: &Path) -> Result<Self> {
        ensure!(!Path::new(SOCKET).exists(), "another containerd runs on this machine");
        let directory = TempDir::new().context("creating a directory for containers")?;
        let above = Scratch::new(hierarchy, ABOVE.as_bytes(), i64::MAX.unsigned_abs() & !0xfff)?;
        // Only v2 has this file, and there its children have no limits without it.
        let control = above.path.join("cgroup.subtree_control");
        if control.exists() {
            fs::write(&control, "+memory").context("enabling the memory controller")?;
        }
        let mut named = Self { directory, made: Vec::new(), containers: Vec::new(), above };
        for place in [&format!("{TASKS}/k8s.io"), &format!("{TASKS}/moby"), STATES] {
            named.make(Path::new(place))?;
        }
        Ok(named)
    }

    /// Creates a directory and notes what must be removed.
    fn make(&mut self, path: &Path) -> Result<()> {
        let missing = path.ancestors().take_while(|above| !above.exists()).map(Path::to_owned);
        let missing: Vec<PathBuf> = missing.collect();
        fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
        self.made.extend(missing.into_iter().rev());
        Ok(())
    }

    /// Creates the cgroup of the next container, without files.
    pub(crate) fn add(&mut self, limit_bytes: u64) -> Result<()> {
        let number = self.containers.len();
        let id = format!("{:064x}", (0xa11ce_u64 << 40) | u64::try_from(number)?);
        let scratch = Scratch::new(&self.above.path, level(number, &id).as_bytes(), limit_bytes)?;
        self.containers.push(Container { number, id, scratch });
        Ok(())
    }

    /// The containers.
    pub(crate) fn containers(&self) -> &[Container] {
        &self.containers
    }

    /// Writes the files of these containers.
    pub(crate) fn write(&self, containers: &[Container]) -> Result<()> {
        for container in containers {
            let state = self.state(container);
            fs::create_dir(&state).with_context(|| format!("making {}", state.display()))?;
            match container.engine() {
                Engine::Containerd => self.containerd(container)?,
                Engine::Docker => self.docker(container)?,
                Engine::Podman => self.podman(container)?,
            }
        }
        self.list()
    }

    /// Removes the files of all containers.
    pub(crate) fn erase(&self) -> Result<()> {
        for state in self.containers.iter().map(|container| self.state(container)) {
            if state.exists() {
                fs::remove_dir_all(&state).with_context(|| format!("removing {}", state.display()))?;
            }
        }
        Ok(())
    }

    /// Writes docker's description of a container again, as docker does when something changes.
    pub(crate) fn describe_again(&self) -> Result<()> {
        let container = self.containers.iter().find(|container| container.engine() == Engine::Docker);
        self.describe(container.context("no container of docker")?)
    }

    /// The directory of a container's state.
    pub(crate) fn state(&self, container: &Container) -> PathBuf {
        match container.engine() {
            Engine::Containerd => Path::new(TASKS).join("k8s.io").join(&container.id),
            Engine::Docker => Path::new(TASKS).join("moby").join(&container.id),
            Engine::Podman => Path::new(STATES).join(&container.id),
        }
    }

    fn containerd(&self, container: &Container) -> Result<()> {
        let config = json!({
            "annotations": {"io.kubernetes.cri.container-name": container.name()},
            "linux": {"cgroupsPath": container.path()},
        });
        written(&self.state(container), "config.json", &config)
    }

    fn docker(&self, container: &Container) -> Result<()> {
        self.describe(container)?;
        let config = json!({
            "mounts": [{"source": self.data(container).join("hosts")}],
            "linux": {"cgroupsPath": container.path()},
        });
        written(&self.state(container), "config.json", &config)
    }

    fn describe(&self, container: &Container) -> Result<()> {
        let data = self.data(container);
        fs::create_dir_all(&data).context("making docker's directory")?;
        let described =
            json!({"ID": container.id, "Name": format!("/{}", container.name()), "Config": {"Image": "i"}});
        written(&data, "config.v2.json", &described)
    }

    fn data(&self, container: &Container) -> PathBuf {
        self.directory.path().join("docker/containers").join(&container.id)
    }

    fn podman(&self, container: &Container) -> Result<()> {
        let bundle = self.storage().join(&container.id).join("userdata");
        fs::create_dir_all(&bundle).context("making podman's directory")?;
        written(&bundle, "config.json", &json!({"annotations": {"io.container.manager": "libpod"}}))?;
        let state = json!({
            "init_process_pid": 0,
            "cgroup_paths": {"memory": container.scratch.path},
            "config": {"labels": [format!("bundle={}", bundle.display())]},
        });
        written(&self.state(container), "state.json", &state)
    }

    fn storage(&self) -> PathBuf {
        self.directory.path().join("podman/vfs-containers")
    }

    /// Writes podman's list, which it always replaces as a whole.
    fn list(&self) -> Result<()> {
        let ours = self.containers.iter().filter(|container| container.engine() == Engine::Podman);
        let item = |container: &Container| json!({"id": container.id, "names": [container.name()]});
        fs::create_dir_all(self.storage()).context("making podman's directory")?;
        written(&self.storage(), "containers.json", &ours.map(item).collect())
    }
}

/// Writes a file under another name and renames it.
fn written(directory: &Path, name: &str, content: &serde_json::Value) -> Result<()> {
    let new = directory.join(".new");
    fs::write(&new, content.to_string()).with_context(|| format!("writing {}", new.display()))?;
    fs::rename(&new, directory.join(name)).with_context(|| format!("writing {name}"))
}

impl Drop for Named {
    fn drop(&mut self) {
        if let Err(error) = self.erase() {
            eprintln!("{error:#}");
        }
        self.containers.clear();
        for made in self.made.iter().rev() {
            // Another program may use it by now.
            let _ = fs::remove_dir(made);
        }
    }
}
