//! Directories in which runtimes keep their data, one per line.

use std::path::Path;

/// The kind of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// containerd's tasks: a directory for each namespace, and in it a directory for each task.
    Tasks,
    /// A namespace of containerd.
    Namespace,
    /// The state of runc or crun: a directory for each container.
    State,
    /// A file for each machine.
    Machines,
    /// A directory for each pod.
    Pods,
    /// `/etc`, for `passwd`.
    Etc,
}

/// The directories and their kinds.
pub(super) const PLACES: [(&str, Kind); 7] = [
    ("/run/containerd/io.containerd.runtime.v2.task", Kind::Tasks),
    ("/run/k3s/containerd/io.containerd.runtime.v2.task", Kind::Tasks),
    ("/run/runc", Kind::State),
    ("/run/crun", Kind::State),
    ("/run/systemd/machines", Kind::Machines),
    ("/var/log/pods", Kind::Pods),
    ("/etc", Kind::Etc),
];

/// Directories that show that containers may appear. Each is created when its engine is installed or first used.
const SIGNS: [&str; 11] = [
    "/run/containerd",
    "/run/docker",
    "/run/k3s",
    "/run/runc",
    "/run/crun",
    "/run/systemd/machines",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/machines",
    "/var/log/pods",
];

/// Whether any of these directories exists.
pub(super) fn is_any() -> bool {
    SIGNS.iter().any(|sign| Path::new(sign).is_dir())
}
