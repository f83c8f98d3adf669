//! Where runtimes keep what they know, one place a line.

use std::path::Path;

/// A kind of directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// containerd's tasks: namespaces, and in each a directory a task.
    Tasks,
    /// A namespace of them.
    Namespace,
    /// The state of runc or crun: a directory a container.
    State,
    /// A file a machine.
    Machines,
    /// A directory a pod.
    Pods,
    /// `/etc`, for `passwd`.
    Etc,
}

/// The directories with a kind each.
pub(super) const PLACES: [(&str, Kind); 7] = [
    ("/run/containerd/io.containerd.runtime.v2.task", Kind::Tasks),
    ("/run/k3s/containerd/io.containerd.runtime.v2.task", Kind::Tasks),
    ("/run/runc", Kind::State),
    ("/run/crun", Kind::State),
    ("/run/systemd/machines", Kind::Machines),
    ("/var/log/pods", Kind::Pods),
    ("/etc", Kind::Etc),
];

/// Directories that show that containers may come: each is made when its engine is installed or first used.
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

/// Whether there is any of them.
pub(super) fn is_any() -> bool {
    SIGNS.iter().any(|sign| Path::new(sign).is_dir())
}
