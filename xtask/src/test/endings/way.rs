//! Ways in which a process ends that look alike. Most of them leave exit status 137 or a dead process.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Memory that the program to be killed allocates, in MiB. It exceeds the limit of its cgroup.
const TOO_MUCH_MIB: &str = "96";

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The kernel kills it, because its cgroup is full.
    Oom,
    /// The kernel kills its child. Then the process ends by SIGTERM.
    OomOfChild,
    /// The kernel kills its child, and the process exits with the child's status.
    ChildsStatus,
    /// Another process sends SIGKILL.
    Kill,
    /// The process sends SIGTERM to itself.
    Term,
    /// `timeout` sends SIGKILL to the command that it runs and to itself, in one process group.
    Timeout,
    /// The process exits with status 137 by itself.
    Exit137,
}

impl Way {
    pub(super) const ALL: [Self; 7] = [
        Self::Oom,
        Self::OomOfChild,
        Self::ChildsStatus,
        Self::Kill,
        Self::Term,
        Self::Timeout,
        Self::Exit137,
    ];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Oom => "killed by the kernel: its cgroup was full",
            Self::OomOfChild => "SIGTERM after an OOM kill of its child",
            Self::ChildsStatus => "its child's 137 passed on after an OOM kill of the child",
            Self::Kill => "`kill -9` by another process",
            Self::Term => "SIGTERM",
            Self::Timeout => "`timeout -s KILL`",
            Self::Exit137 => "its own exit status 137",
        }
    }

    /// Returns whether the process is killed for memory.
    pub(super) fn is_oom_kill(self) -> bool {
        self == Self::Oom
    }

    /// Returns the verdict that `record --verdict` must give.
    pub(super) const fn verdict(self) -> &'static str {
        match self {
            Self::Oom => "oom_kill",
            Self::OomOfChild | Self::Kill | Self::Term | Self::Timeout => "signal",
            Self::ChildsStatus | Self::Exit137 => "exit",
        }
    }

    /// Returns a shell script for a process that moves to a cgroup and ends in this way.
    pub(super) fn script(self, cgroup: &Path, hog: &Path) -> Result<String> {
        let cgroup = cgroup.to_str().context("a cgroup whose name is not UTF-8")?;
        let hog = hog.to_str().context("a program whose name is not UTF-8")?;
        let fill = format!("{hog} anon --mib {TOO_MUCH_MIB}");
        let end = match self {
            Self::Oom => format!("exec {fill}"),
            Self::OomOfChild => format!("{fill}; kill -TERM $$"),
            Self::ChildsStatus => format!("{fill}; exit $?"),
            Self::Kill => "self=$$; (kill -9 $self) & exec sleep 60".to_owned(),
            Self::Term => "kill -TERM $$".to_owned(),
            Self::Timeout => "exec timeout -s KILL 0.02 sleep 60".to_owned(),
            Self::Exit137 => "exit 137".to_owned(),
        };
        Ok(format!("echo $$ > {cgroup}/cgroup.procs || exit 1; {end}"))
    }
}
