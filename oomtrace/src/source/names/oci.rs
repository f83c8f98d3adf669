//! Reads containers from the files of their runtimes: containerd's tasks, and the state of runc and crun.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    annotations::Annotations,
    docker,
    files::{Owner, cgroup_of, read, read_of},
    storage::Storage,
};
use crate::{bytes::ByteString, cgroup::is_below, context::NamedContainer};

/// The result of reading a container.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The container, if enough is known to recognize it.
    pub(super) container: Option<NamedContainer>,
    /// Whether a file was missing or half-written and should be read again soon.
    pub(super) again: bool,
    /// The directory in which the name may change.
    pub(super) names_in: Option<PathBuf>,
}

/// The configuration that an engine passes to a runtime. The file also contains the environment, which is not kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    annotations: Option<Annotations>,
    linux: Option<Linux>,
    mounts: Vec<Mount>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Linux {
    #[serde(rename = "cgroupsPath")]
    cgroups_path: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mount {
    source: Option<PathBuf>,
}

/// The file `state.json` of runc.
#[derive(Debug, Deserialize)]
struct RuncState {
    init_process_pid: i32,
    #[serde(default)]
    cgroup_paths: BTreeMap<String, String>,
    #[serde(default)]
    config: RuncConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RuncConfig {
    labels: Vec<String>,
}

/// The file `status` of crun.
#[derive(Debug, Deserialize)]
struct CrunStatus {
    pid: i32,
    #[serde(rename = "cgroup-path")]
    cgroup_path: String,
    /// The unit of systemd that holds the cgroup. With podman, the processes are in a cgroup below it.
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    bundle: Option<PathBuf>,
}

/// The state of a runtime: the first process, the cgroup and the directory with the configuration.
struct State {
    pid: i32,
    cgroup: String,
    bundle: Option<PathBuf>,
}

/// Reads the container of a containerd task from the directory of the task.
pub(super) fn task(directory: &Path, namespace: &str) -> Found {
    let again = Found { again: true, ..Found::default() };
    let Some(config) = config(None, directory) else { return again };
    let Some(cgroup) = config.linux.and_then(|linux| linux.cgroups_path).and_then(|path| expanded(&path))
    else {
        return Found::default();
    };
    let annotations = config.annotations.unwrap_or_default();
    let is_docker = namespace == "moby";
    let id = id_of(directory);
    let mut container = NamedContainer {
        cgroup: cgroup.as_str().into(),
        id: id.as_str().into(),
        runtime: Some(if is_docker { "docker" } else { "containerd" }.to_owned()),
        // The user who starts a container of Docker chooses its annotations.
        name: text(annotations.name().filter(|_| !is_docker)),
        image: text(annotations.image()),
        pod: annotations.pod().filter(|_| !is_docker),
        init_pid: init_pid(&cgroup, pid_in(&directory.join("init.pid"))),
    };
    let mut found = Found { again: container.init_pid.is_none(), ..Found::default() };
    if is_docker {
        found.names_in =
            docker::directory(config.mounts.iter().filter_map(|mount| mount.source.as_deref()), &id);
        let described = found.names_in.as_deref().and_then(|directory| docker::describe(directory, &id));
        found.again |= described.is_none();
        if let Some(described) = described {
            (container.name, container.image) = (described.name, described.image);
            container.pod = described.pod;
        }
    }
    Found { container: Some(container), ..found }
}

/// Reads a container from a state directory of runc or crun. A user's engine can only describe containers in the cgroup that
/// systemd delegates to this user.
pub(super) fn state(owner: Owner, directory: &Path, storage: &mut Storage) -> Found {
    let Some(state) = runc_state(owner, directory).or_else(|| crun_state(owner, directory)) else {
        return Found { again: true, ..Found::default() };
    };
    if owner.is_some_and(|uid| !is_users(uid, &state.cgroup)) {
        return Found::default();
    }
    let config = state.bundle.as_deref().and_then(|bundle| config(owner, bundle)).unwrap_or_default();
    let annotations = config.annotations.unwrap_or_default();
    let id = id_of(directory);
    let mut container = NamedContainer {
        id: id.as_str().into(),
        runtime: Some(annotations.runtime().unwrap_or("oci").to_owned()),
        name: text(annotations.name()),
        image: text(annotations.image()),
        pod: annotations.pod(),
        init_pid: init_pid(&state.cgroup, Some(state.pid)),
        cgroup: state.cgroup.into_bytes().into(),
    };
    let mut found = Found { again: container.init_pid.is_none(), ..Found::default() };
    if container.runtime.as_deref() == Some("podman") {
        // Annotations are the user's, the name is in the storage.
        container.name = None;
        found.names_in = state.bundle.as_deref().and_then(storage_of);
        let described =
            found.names_in.as_deref().and_then(|directory| storage.describe(owner, directory, &id));
        found.again |= described.is_none();
        if let Some((name, image)) = described {
            (container.name, container.image) = (text(name), text(image));
        }
    }
    Found { container: Some(container), ..found }
}

/// Returns `/var/lib/containers/storage/overlay-containers` for the bundle `…/<id>/userdata` in it.
fn storage_of(bundle: &Path) -> Option<PathBuf> {
    (bundle.file_name()? == "userdata").then_some(())?;
    Some(bundle.parent()?.parent()?.to_owned())
}

/// Whether a cgroup is below `user@UID.service`, where only this user creates cgroups.
fn is_users(uid: u32, cgroup: &str) -> bool {
    let delegated = format!("/user.slice/user-{uid}.slice/user@{uid}.service/");
    cgroup.starts_with(&delegated) && !cgroup.split('/').any(|level| level == "..")
}

fn config(owner: Owner, directory: &Path) -> Option<Config> {
    serde_json::from_slice(&read_of(owner, &directory.join("config.json"))?).ok()
}

fn runc_state(owner: Owner, directory: &Path) -> Option<State> {
    let state: RuncState = serde_json::from_slice(&read_of(owner, &directory.join("state.json"))?).ok()?;
    let bundle = state.config.labels.iter().find_map(|label| label.strip_prefix("bundle="));
    let paths = &state.cgroup_paths;
    let cgroup = paths.get("memory").or_else(|| paths.get("")).and_then(|path| below_mount(path))?;
    Some(State { pid: state.init_process_pid, cgroup, bundle: bundle.map(PathBuf::from) })
}

fn crun_state(owner: Owner, directory: &Path) -> Option<State> {
    let status: CrunStatus = serde_json::from_slice(&read_of(owner, &directory.join("status"))?).ok()?;
    let path = format!("/{}", status.cgroup_path.trim_start_matches('/'));
    let scope = status.scope.filter(|scope| !scope.is_empty());
    let cgroup = scope.and_then(|scope| up_to(&path, &scope)).unwrap_or(path);
    Some(State { pid: status.pid, cgroup, bundle: status.bundle })
}

/// Returns a path up to and including the level with this name.
pub(super) fn up_to(path: &str, level: &str) -> Option<String> {
    let mut end = 0;
    for part in path.split('/') {
        end += part.len();
        if part == level {
            return path.get(..end).map(str::to_owned);
        }
        end += 1;
    }
    None
}

/// Converts a path in the cgroup file system to the kernel's path of the cgroup.
fn below_mount(path: &str) -> Option<String> {
    let below = path.strip_prefix("/sys/fs/cgroup/memory").or_else(|| path.strip_prefix("/sys/fs/cgroup"))?;
    (below.starts_with('/') && below.len() > 1).then(|| below.to_owned())
}

/// Converts `linux.cgroupsPath` to a path. With systemd's driver, the value is `slice:prefix:name`.
/// <https://github.com/opencontainers/runc/blob/v1.1.12/docs/systemd.md>
pub(super) fn expanded(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    let mut parts = path.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(slice), Some(prefix), Some(name)) if slice.ends_with(".slice") => {
            let unit = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}-{name}") };
            Some(format!("{}/{unit}.scope", slices(slice)))
        }
        // The cgroup is below that of the runtime's caller, which the file does not contain.
        _ => None,
    }
}

/// Expands a slice: `a-b.slice` becomes `/a.slice/a-b.slice`.
fn slices(slice: &str) -> String {
    let name = slice.strip_suffix(".slice").unwrap_or(slice);
    let ends = name.match_indices('-').map(|(at, _)| at).chain([name.len()]);
    ends.filter_map(|end| name.get(..end)).map(|prefix| format!("/{prefix}.slice")).collect()
}

fn id_of(directory: &Path) -> String {
    directory.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
}

fn text(text: Option<String>) -> Option<ByteString> {
    text.map(|text| ByteString::from(text.into_bytes()))
}

fn pid_in(file: &Path) -> Option<i32> {
    std::str::from_utf8(&read(file)?).ok()?.trim().parse().ok()
}

/// Returns the first process if it is in the container's cgroup. The pid alone may already belong to another process.
fn init_pid(cgroup: &str, pid: Option<i32>) -> Option<i32> {
    let pid = pid.filter(|pid| *pid > 0)?;
    is_below(&cgroup_of(pid)?, cgroup.as_bytes()).then_some(pid)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Storage, below_mount, expanded, init_pid, state, task};
    use crate::context::NamedContainer;

    const ID: &str = "4c4739c2c6f68d38bed72bc45841e29344029ae56a1a7f127db98a3973b231e1";

    #[test]
    fn expands_a_path_of_the_systemd_driver() {
        assert_eq!(expanded("/docker/a").as_deref(), Some("/docker/a"));
        assert_eq!(expanded("system.slice:docker:a").as_deref(), Some("/system.slice/docker-a.scope"));
        assert_eq!(
            expanded("kubepods-burstable-podu_1.slice:cri-containerd:a").as_deref(),
            Some(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podu_1.slice/cri-containerd-a.scope"
            )
        );
        assert_eq!([expanded("a/b"), expanded("a:b:c"), expanded("")], [None, None, None]);
    }

    #[test]
    fn strips_the_mount_from_a_path_in_a_state() {
        assert_eq!(below_mount("/sys/fs/cgroup/memory/a/b").as_deref(), Some("/a/b"));
        assert_eq!(
            below_mount("/sys/fs/cgroup/machine.slice/a.scope").as_deref(),
            Some("/machine.slice/a.scope")
        );
        assert_eq!([below_mount("/sys/fs/cgroup"), below_mount("/a")], [None, None]);
    }

    #[test]
    fn rejects_a_first_process_in_another_cgroup() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(init_pid("/", Some(own)), Some(own));
        assert_eq!(
            [init_pid("/no/such/cgroup", Some(own)), init_pid("/", Some(0)), init_pid("/", None)],
            [None; 3]
        );
    }

    #[test]
    fn reads_a_half_written_file_again_and_keeps_no_name() {
        let top = tempfile::tempdir().unwrap();
        let directory = top.path().join(ID);
        fs::create_dir(&directory).unwrap();
        let whole = format!(
            r#"{{"process":{{"env":["SECRET=x"]}},"annotations":{{"io.kubernetes.cri.container-name":"web"}},
                "linux":{{"cgroupsPath":"/kubepods/{ID}"}}}}"#
        );
        for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(directory.join("config.json"), &whole[..cut]).unwrap();
            let found = task(&directory, "k8s.io");
            assert!(found.again && found.container.is_none(), "cut at {cut}");
        }
        fs::write(directory.join("config.json"), &whole).unwrap();
        let found = task(&directory, "k8s.io");
        let NamedContainer { cgroup, id, runtime, name, init_pid, .. } = found.container.unwrap();
        assert!(found.again, "the first process is not known yet");
        assert_eq!((cgroup, id), (format!("/kubepods/{ID}").as_str().into(), ID.into()));
        assert_eq!((runtime.as_deref(), name, init_pid), (Some("containerd"), Some("web".into()), None));
    }

    #[test]
    fn reads_the_name_of_podman_from_its_storage() {
        let top = tempfile::tempdir().unwrap();
        let (run, bundle) =
            (top.path().join(ID), top.path().join("overlay-containers").join(ID).join("userdata"));
        fs::create_dir_all(&bundle).unwrap();
        fs::create_dir(&run).unwrap();
        let labels = format!(r#"["io.container.manager=libpod","bundle={}"]"#, bundle.display());
        let json = format!(
            r#"{{"init_process_pid":0,"cgroup_paths":{{"memory":"/sys/fs/cgroup/memory/libpod_parent/libpod-{ID}"}},
                "config":{{"labels":{labels}}}}}"#
        );
        fs::write(run.join("state.json"), json).unwrap();
        fs::write(bundle.join("config.json"), r#"{"annotations":{"io.container.manager":"libpod"}}"#)
            .unwrap();
        let found = state(None, &run, &mut Storage::default());
        assert!(found.again && found.container.unwrap().name.is_none(), "the storage is not there yet");
        let list = format!(r#"[{{"id":"{ID}","names":["web"],"metadata":"{{\"image-name\":\"i:1\"}}"}}]"#);
        fs::write(top.path().join("overlay-containers/containers.json"), list).unwrap();
        let container = state(None, &run, &mut Storage::default()).container.unwrap();
        assert_eq!((container.name, container.image), (Some("web".into()), Some("i:1".into())));
        assert_eq!(container.cgroup, format!("/libpod_parent/libpod-{ID}").as_str().into());
        assert_eq!(container.runtime.as_deref(), Some("podman"));
    }

    #[test]
    fn reads_the_status_of_crun() {
        let top = tempfile::tempdir().unwrap();
        let run = top.path().join("box");
        fs::create_dir(&run).unwrap();
        fs::write(run.join("status"), r#"{"pid":0,"cgroup-path":"machine.slice/a.scope","bundle":"/none"}"#)
            .unwrap();
        let container = state(None, &run, &mut Storage::default()).container.unwrap();
        assert_eq!(
            (container.cgroup, container.runtime.as_deref()),
            ("/machine.slice/a.scope".into(), Some("oci"))
        );
        let podmans = r#"{"pid":0,"cgroup-path":"/machine.slice/a.scope/container","scope":"a.scope"}"#;
        fs::write(run.join("status"), podmans).unwrap();
        let container = state(None, &run, &mut Storage::default()).container.unwrap();
        assert_eq!(container.cgroup, "/machine.slice/a.scope".into());
    }
}
