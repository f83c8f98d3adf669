//! What this process may do, before it is tried; and what it may do no more, once it is done.

use std::{fs, io};

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// A capability that something here needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Its name without `CAP_`, as `capsh` and unit files spell it.
    pub name: &'static str,
    /// Its bit. <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/capability.h>
    bit: u32,
    /// What it is for here.
    pub purpose: &'static str,
    /// Whether nothing works without it.
    pub required: bool,
}

/// What tracing needs, and what it is better with.
pub const CAPABILITIES: [Capability; 8] = [
    Capability { name: "CAP_BPF", bit: 39, purpose: "create maps and load programs", required: true },
    Capability {
        name: "CAP_PERFMON",
        bit: 38,
        purpose: "trace the kernel and read its memory",
        required: true,
    },
    Capability {
        name: "CAP_SYSLOG",
        bit: 34,
        purpose: "see kernel addresses, for exact memory counters",
        required: false,
    },
    Capability {
        name: "CAP_SYS_PTRACE",
        bit: 19,
        purpose: "see the executable of other users' processes",
        required: false,
    },
    Capability {
        name: "CAP_DAC_READ_SEARCH",
        bit: 2,
        purpose: "see the cgroup of each candidate, and memory.stat of the one that ran out",
        required: false,
    },
    Capability {
        name: "CAP_SYS_RESOURCE",
        bit: 24,
        purpose: "be the last to be killed (oom_score_adj -1000), and lock memory before 5.11",
        required: false,
    },
    Capability {
        name: "CAP_IPC_LOCK",
        bit: 14,
        purpose: "keep oomtrace's own pages in memory",
        required: false,
    },
    Capability {
        name: "CAP_SYS_NICE",
        bit: 23,
        purpose: "run before a victim is gone, for its command line and executable",
        required: false,
    },
];

/// `CAP_SYS_ADMIN`: stands in for the first two.
const SYS_ADMIN: u32 = 21;

/// The effective capabilities of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privileges {
    effective: u64,
}

impl Privileges {
    /// Those of this process; none if procfs cannot be read.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self {
            effective: fs::read_to_string("/proc/self/status")
                .ok()
                .as_deref()
                .and_then(effective)
                .unwrap_or(0),
        }
    }

    /// Whether the capability, or one that includes it, is there.
    #[must_use]
    pub const fn has(self, capability: Capability) -> bool {
        let implied = capability.required && self.effective & (1 << SYS_ADMIN) != 0;
        implied || self.effective & (1 << capability.bit) != 0
    }

    /// The names of the required ones that are missing.
    #[must_use]
    pub fn missing(self) -> Vec<&'static str> {
        CAPABILITIES
            .iter()
            .filter(|capability| capability.required && !self.has(**capability))
            .map(|capability| capability.name)
            .collect()
    }
}

/// What tracing goes on needing: its maps; the executables of other users' processes; cgroups by their id; and memory that is locked as
/// it comes.
pub const TRACING: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::IPC_LOCK);

/// What recording goes on needing: the next file, in a folder that may be another user's; and memory that is locked as it comes.
pub const RECORDING: CapabilitySet = CapabilitySet::DAC_OVERRIDE.union(CapabilitySet::IPC_LOCK);

/// What ending a command needs that has become another user's.
pub const COMMAND: CapabilitySet = CapabilitySet::KILL;

/// What only waits needs nothing.
pub const NOTHING: CapabilitySet = CapabilitySet::empty();

/// Gives up all capabilities of this thread but those, for good: a thread that is already there keeps its own, one that it starts
/// has what is left.
///
/// # Errors
///
/// If the system call is forbidden; nothing has been given up then.
pub fn keep_only(needed: CapabilitySet) -> io::Result<()> {
    let held = capabilities(None)?;
    let needed = needed.union(stand_in(held.permitted, needed));
    set_capabilities(
        None,
        CapabilitySets {
            effective: held.effective & needed,
            permitted: held.permitted & needed,
            inheritable: held.inheritable & needed,
        },
    )?;
    Ok(())
}

/// `CAP_SYS_ADMIN`, where it is what gives the right to trace.
fn stand_in(permitted: CapabilitySet, needed: CapabilitySet) -> CapabilitySet {
    let tracing = needed & (CapabilitySet::BPF | CapabilitySet::PERFMON);
    if permitted.contains(tracing) { NOTHING } else { CapabilitySet::SYS_ADMIN }
}

fn effective(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(value.trim(), 16).ok()
}

/// Whether the kernel forbids all reading of its memory. `None` where securityfs does not say.
#[must_use]
pub fn confidentiality_lockdown() -> Option<bool> {
    fs::read_to_string("/sys/kernel/security/lockdown").ok().map(|state| state.contains("[confidentiality]"))
}

#[cfg(test)]
mod tests {
    use rustix::thread::{CapabilitySet, capabilities};

    use super::{NOTHING, Privileges, RECORDING, TRACING, effective, keep_only, stand_in};

    #[test]
    fn perfmon_and_bpf_are_enough_and_sys_admin_stands_in_for_them() {
        let both = Privileges { effective: (1 << 38) | (1 << 39) };
        assert!(both.missing().is_empty());
        assert!(Privileges { effective: 1 << 21 }.missing().is_empty());
        assert_eq!(Privileges { effective: 1 << 39 }.missing(), ["CAP_PERFMON"]);
        assert_eq!(Privileges { effective: 0 }.missing(), ["CAP_BPF", "CAP_PERFMON"]);
    }

    #[test]
    fn the_effective_set_is_read_from_procfs_status() {
        assert_eq!(effective("Name:\tx\nCapEff:\t000001fffeffffff\n"), Some(0x1ff_feff_ffff));
        assert_eq!(effective("Name:\tx\n"), None);
    }

    #[test]
    fn a_thread_keeps_what_it_needs_and_others_keep_theirs() {
        let before = capabilities(None).unwrap();
        let kept = std::thread::spawn(|| {
            keep_only(RECORDING).unwrap();
            // What is gone does not come back.
            keep_only(RECORDING | TRACING).unwrap();
            capabilities(None).unwrap()
        });
        let kept = kept.join().unwrap();
        assert_eq!(kept.permitted, before.permitted & RECORDING);
        assert_eq!(kept.effective, before.effective & RECORDING);
        assert_eq!(capabilities(None).unwrap(), before);
    }

    #[test]
    fn sys_admin_stays_where_it_is_what_allows_tracing() {
        let admin = CapabilitySet::SYS_ADMIN;
        assert_eq!(stand_in(admin, TRACING), admin);
        assert_eq!(stand_in(admin | TRACING, TRACING), NOTHING);
        assert_eq!(stand_in(admin, RECORDING), NOTHING);
    }
}
