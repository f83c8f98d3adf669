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
    /// `/run/user`: a directory for each user who is logged in.
    Users,
    /// The state of runc or crun that this user runs.
    UserState(u32),
}

impl Kind {
    /// The user whose files are in the directory, if it is not root.
    pub(super) const fn owner(self) -> Option<u32> {
        match self {
            Self::UserState(uid) => Some(uid),
            Self::Tasks
            | Self::Namespace
            | Self::State
            | Self::Machines
            | Self::Pods
            | Self::Etc
            | Self::Users => None,
        }
    }
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

/// The directory of users' engines. A thread of its own reads their files, because a user may provide a file system that
/// answers late or never.
pub(super) const USERS: [(&str, Kind); 1] = [("/run/user", Kind::Users)];

/// Names of directories in `/run/user/UID` where a user's runtimes keep their states.
pub(super) const USER_STATES: [&str; 2] = ["crun", "runc"];

/// A directory of every engine that users can run without root.
const ROOTLESS: &str = "/etc/containers";

/// Whether users may run containers.
pub(super) fn is_rootless() -> bool {
    USERS.iter().all(|(path, _)| Path::new(path).is_dir()) && Path::new(ROOTLESS).is_dir()
}

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
