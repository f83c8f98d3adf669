//! The ways in which a process ends that look alike: most of them leave exit status 137 or a dead process.

use std::path::Path;

use anyhow::{Context as _, Result};

/// MiB that the program allocates which is to be killed; more than its cgroup has.
const TOO_MUCH_MIB: &str = "96";

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The kernel kills it, because its cgroup is full.
    Oom,
    /// The kernel kills its child. Then the process ends by SIGTERM.
    OomOfChild,
    /// The kernel kills its child, and the process passes the child's status on.
    ChildsStatus,
    /// Another process sends SIGKILL.
    Kill,
    /// SIGTERM.
    Term,
    /// `timeout` sends SIGKILL to the command that it runs and to itself, in one process group.
    Timeout,
    /// It ends with 137 by itself.
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

    /// Whether memory killed the process.
    pub(super) fn is_oom_kill(self) -> bool {
        self == Self::Oom
    }

    /// The verdict that `record --verdict` must give.
    pub(super) const fn verdict(self) -> &'static str {
        match self {
            Self::Oom => "oom_kill",
            Self::OomOfChild | Self::Kill | Self::Term | Self::Timeout => "signal",
            Self::ChildsStatus | Self::Exit137 => "exit",
        }
    }

    /// A shell script of a process that moves to a cgroup and ends so.
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
