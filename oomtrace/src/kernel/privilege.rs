//! The privileges that this process has, and those that it gives up when it no longer needs them.

use std::{fs, io};

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// A capability that oomtrace uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Its name without `CAP_`, as `capsh` and unit files spell it.
    pub name: &'static str,
    /// Its bit. <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/capability.h>
    bit: u32,
    /// Its purpose in oomtrace.
    pub purpose: &'static str,
    /// Whether tracing is impossible without it.
    pub required: bool,
}

/// The capabilities that tracing needs or can use.
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

/// `CAP_SYS_ADMIN`, which includes the first two.
const SYS_ADMIN: u32 = 21;

/// The effective capabilities of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privileges {
    effective: u64,
}

impl Privileges {
    /// The privileges of this process; empty if procfs cannot be read.
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

    /// Whether this capability, or one that includes it, is effective.
    #[must_use]
    pub const fn has(self, capability: Capability) -> bool {
        let implied = capability.required && self.effective & (1 << SYS_ADMIN) != 0;
        implied || self.effective & (1 << capability.bit) != 0
    }

    /// The names of the required capabilities that are missing.
    #[must_use]
    pub fn missing(self) -> Vec<&'static str> {
        CAPABILITIES
            .iter()
            .filter(|capability| capability.required && !self.has(**capability))
            .map(|capability| capability.name)
            .collect()
    }
}

/// The capabilities that tracing keeps: for its maps, the executables of other users' processes, cgroups by id, and memory that
/// is locked when it is first used.
pub const TRACING: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::IPC_LOCK);

/// The capabilities that recording keeps: for the next file, in a directory that may belong to another user, and memory that is
/// locked when it is first used.
pub const RECORDING: CapabilitySet = CapabilitySet::DAC_OVERRIDE.union(CapabilitySet::IPC_LOCK);

/// The capability needed to stop a command that runs as another user.
pub const COMMAND: CapabilitySet = CapabilitySet::KILL;

/// The capability to read the file of settings again, as at the start.
pub(crate) const SETTINGS: CapabilitySet = CapabilitySet::DAC_READ_SEARCH;

/// A thread that only waits needs no capability.
pub const NOTHING: CapabilitySet = CapabilitySet::empty();

/// Gives up all other capabilities of this thread for good. Existing threads keep theirs. A new thread gets the remaining ones
/// of the thread that starts it.
///
/// # Errors
///
/// If the system call is forbidden. Nothing has then been given up.
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

/// `CAP_SYS_ADMIN`, if it is the capability that allows tracing.
fn stand_in(permitted: CapabilitySet, needed: CapabilitySet) -> CapabilitySet {
    let tracing = needed & (CapabilitySet::BPF | CapabilitySet::PERFMON);
    if permitted.contains(tracing) { NOTHING } else { CapabilitySet::SYS_ADMIN }
}

fn effective(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(value.trim(), 16).ok()
}

/// Whether the kernel forbids all reads of its memory; `None` if securityfs does not say.
#[must_use]
pub fn confidentiality_lockdown() -> Option<bool> {
    fs::read_to_string("/sys/kernel/security/lockdown").ok().map(|state| state.contains("[confidentiality]"))
}

#[cfg(test)]
mod tests {
    use rustix::thread::{CapabilitySet, capabilities};

    use super::{NOTHING, Privileges, RECORDING, TRACING, effective, keep_only, stand_in};

    #[test]
    fn perfmon_and_bpf_suffice_and_sys_admin_includes_them() {
        let both = Privileges { effective: (1 << 38) | (1 << 39) };
        assert!(both.missing().is_empty());
        assert!(Privileges { effective: 1 << 21 }.missing().is_empty());
        assert_eq!(Privileges { effective: 1 << 39 }.missing(), ["CAP_PERFMON"]);
        assert_eq!(Privileges { effective: 0 }.missing(), ["CAP_BPF", "CAP_PERFMON"]);
    }

    #[test]
    fn reads_the_effective_set_from_procfs() {
        assert_eq!(effective("Name:\tx\nCapEff:\t000001fffeffffff\n"), Some(0x1ff_feff_ffff));
        assert_eq!(effective("Name:\tx\n"), None);
    }

    #[test]
    fn keep_only_affects_only_the_calling_thread() {
        let before = capabilities(None).unwrap();
        let kept = std::thread::spawn(|| {
            keep_only(RECORDING).unwrap();
            // Capabilities that were given up cannot be regained.
            keep_only(RECORDING | TRACING).unwrap();
            capabilities(None).unwrap()
        });
        let kept = kept.join().unwrap();
        assert_eq!(kept.permitted, before.permitted & RECORDING);
        assert_eq!(kept.effective, before.effective & RECORDING);
        assert_eq!(capabilities(None).unwrap(), before);
    }

    #[test]
    fn keeps_sys_admin_if_it_allows_tracing() {
        let admin = CapabilitySet::SYS_ADMIN;
        assert_eq!(stand_in(admin, TRACING), admin);
        assert_eq!(stand_in(admin | TRACING, TRACING), NOTHING);
        assert_eq!(stand_in(admin, RECORDING), NOTHING);
    }
}
