//! Signals that user space sends. One act is all the signals that one sender sends in a row.

use std::collections::BTreeMap;

use oomtrace_common::event as wire;
use serde::Serialize;

use super::Task;

/// Numbers of the signals that are seen. They are the same on every architecture.
pub const SIGKILL: u32 = 9;
/// See [`SIGKILL`].
pub const SIGTERM: u32 = 15;

/// Returns the name of a signal that is seen.
#[must_use]
pub const fn signal_name(signal: u32) -> &'static str {
    if signal == SIGTERM { "SIGTERM" } else { "SIGKILL" }
}

/// How signals were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Method {
    /// `kill(2)` and similar system calls.
    #[serde(rename = "signal")]
    Signal,
    /// A write to `cgroup.kill`.
    #[serde(rename = "cgroup.kill")]
    CgroupKill,
}

impl Method {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::CgroupKill => "cgroup.kill",
        }
    }

    /// Determines the method of a signal. `None` if the signal carried no information and nothing else identifies the method.
    /// For `cgroup.kill`, the kernel sends each signal without information to a thread. For `kill(2)` it sends the signal to
    /// a process (`group` of the tracepoint).
    /// <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup.c#L3985> (`__cgroup_kill`)
    #[must_use]
    pub const fn of(kill: &wire::Sigkill) -> Option<Self> {
        if kill.origin == wire::Sigkill::FROM_SIGINFO {
            Some(Self::Signal)
        } else if kill.flags & wire::Sigkill::HAS_GROUP == 0 {
            None
        } else if kill.group == 0 {
            Some(Self::CgroupKill)
        } else {
            Some(Self::Signal)
        }
    }
}

/// SIGKILL or SIGTERM from user space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserKill {
    /// Number of the signal.
    pub signal: u32,
    /// Whether the kernel side sends the exits of the targets, because the sender's purpose is to kill.
    pub awaits_exit: bool,
    /// `si_code`; `None` for a signal without information.
    pub code: Option<i32>,
    /// How it was sent; `None` if a recording of an earlier version does not contain it.
    pub method: Option<Method>,
    /// The kernel side's counts, by cgroup of the targets and time of the first signal. Empty in recordings of earlier versions.
    pub counts: BTreeMap<(u64, u64), u64>,
    /// Number of further signals that the kernel side neither reported nor counted in the meantime.
    pub left_out: u64,
    /// Time since a kill by the kernel in the same cgroup, ns.
    pub after_kernel_kill_ns: Option<u64>,
    /// The decision that this act follows: its time and pass.
    pub follows: Option<(u64, Option<u64>)>,
}

impl UserKill {
    /// The name of the signal.
    #[must_use]
    pub const fn signal_name(&self) -> &'static str {
        signal_name(self.signal)
    }

    /// Whether it is a SIGTERM by a program whose purpose is to kill.
    #[must_use]
    pub const fn is_sigterm_of_killer(&self) -> bool {
        self.signal == SIGTERM && self.awaits_exit
    }

    /// Returns how many processes were sent the signal. `known` of them are known individually.
    #[must_use]
    pub fn count(&self, known: usize) -> u64 {
        let counted = self.counts.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        counted.max(u64::try_from(known).unwrap_or(u64::MAX))
    }

    /// Adds a count by the kernel side.
    pub fn keep_count(&mut self, memcg: u64, first_ns: u64, count: u64) {
        if count > 0 {
            let known = self.counts.entry((memcg, first_ns)).or_default();
            *known = count.max(*known);
        }
    }
}

/// Signals that user space sent after a decision of the kernel in the same cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The sender of the signals.
    pub sender: Task,
    /// Number of the signal.
    pub signal: u32,
    /// How the signals were sent.
    pub method: Option<Method>,
    /// Time of the first signal, `CLOCK_BOOTTIME` ns.
    pub boot_ns: u64,
    /// Time of the last signal.
    pub last_ns: u64,
    /// Kernfs id of the innermost cgroup that contains all targets; `None` if it is not known.
    pub memcg: Option<u64>,
    /// Number of processes.
    pub count: u64,
    /// The processes that are known individually.
    pub processes: Vec<Task>,
}
