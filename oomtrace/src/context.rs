//! The payloads of context frames. They are JSON, so that a recording explains itself. Readers ignore unknown keys and treat
//! missing ones as absent.

mod afterwards;
mod forecast;
mod lead_up;
mod memory_state;
mod names;
mod prekill;
mod surroundings;
mod symbols;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use self::{
    afterwards::{AFTERWARDS_NS, Afterwards, Restarted},
    forecast::Forecast,
    lead_up::{CgroupHistory, LeadUp, MemoryHistory, ProcessHistory},
    memory_state::{FreeBlocks, Meminfo, Node, Zone, Zones},
    names::{NAMES_KEPT, NamedContainer, NamedPod, NamedUser, Names},
    prekill::{PREKILL_PROCESSES, Prekill, PrekillProcess, Snapshot},
    surroundings::{HugePool, SURROUNDINGS_NS, Slab, Surroundings, SwapDevice, Tmpfs},
    symbols::{KernelSymbol, KernelSymbols, UserSymbol, UserSymbols},
};
use crate::{
    bytes::ByteString,
    kernel::{facts::KernelFacts, tier::Tier},
};

/// procfs rounds the start of a process down to a tick of 10 ms: `USER_HZ` is 100 on all architectures that oomtrace supports.
pub(crate) const TICK_NS: u64 = 10_000_000;

/// The machine and the tracer; the first frame of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// This tool's version.
    pub tool_version: String,
    /// `uname -r`.
    pub kernel_release: String,
    /// `uname -n`.
    pub host: String,
    /// Identifies this boot.
    #[serde(default)]
    pub boot_id: Option<String>,
    /// Wall clock minus `CLOCK_BOOTTIME`, ns, at the start.
    pub wall_offset_ns: i64,
    /// `CLOCK_MONOTONIC` minus `CLOCK_BOOTTIME`, ns. It is negative and shows how long the machine was suspended. The kernel's
    /// log and its trace do not count that time.
    #[serde(default)]
    pub monotonic_offset_ns: Option<i64>,
    /// Bytes of a page.
    pub page_size: u64,
    /// How much of a decision the tracer records.
    pub tier: Tier,
    /// The hooks, and the tier of each.
    #[serde(default)]
    pub hooks: Vec<HookState>,
    /// Numbers of this kernel.
    pub facts: KernelFacts,
    /// The layout that the eBPF side uses for this kernel: the slots of `KernelLayout` that it has.
    #[serde(default)]
    pub layout: BTreeMap<String, u32>,
    /// Settings below `/proc/sys/vm` at the start. Those that affect a decision are read again at each decision ([`Sysctl`]).
    #[serde(default)]
    pub sysctls: BTreeMap<String, i64>,
    /// "v1" or "v2"; absent if the controller is not mounted.
    #[serde(default)]
    pub memory_hierarchy: Option<String>,
    /// Number of nodes that have memory.
    #[serde(default)]
    pub memory_nodes: Option<usize>,
    /// The command line of the tracer.
    #[serde(default)]
    pub command_line: Vec<ByteString>,
    /// Names of further programs that kill when memory is short (`--killer`): commands or executables.
    #[serde(default)]
    pub killers: Vec<ByteString>,
    /// The [`CODES`] of the tracer that created the stream.
    #[serde(default = "first_codes")]
    pub codes: u32,
}

impl Session {
    /// Converts a boot time (ns) to Unix time (ns).
    #[must_use]
    pub fn wall_ns(&self, boot_ns: u64) -> i128 {
        i128::from(boot_ns) + i128::from(self.wall_offset_ns)
    }

    /// Converts a boot time (ns) to a date, RFC 3339, UTC. `None` if the year has more than four digits.
    #[must_use]
    pub fn date(&self, boot_ns: u64) -> Option<String> {
        OffsetDateTime::from_unix_timestamp_nanos(self.wall_ns(boot_ns)).ok()?.format(&Rfc3339).ok()
    }
}

impl Session {
    /// Returns whether a hook is attached.
    #[must_use]
    pub fn has_hook(&self, name: &str) -> bool {
        self.hooks.iter().any(|hook| hook.name == name && hook.tier.is_some())
    }
}

/// The version of the rules for reports. Since 2, a pass for an allocation without `__GFP_FS` has a policy of its own. Since 3, a
/// run of empty passes that outlives a kill is counted once. The rules of its own time apply to an older recording.
pub const CODES: u32 = 3;

const fn first_codes() -> u32 {
    1
}

/// A hook and its tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookState {
    /// The kernel's name for it.
    pub name: String,
    /// Its tier; absent if it is not attached.
    #[serde(default)]
    pub tier: Option<Tier>,
}

/// The facts about a process from procfs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id.
    pub pid: i32,
    /// The thread in the frame that caused the read.
    pub tid: i32,
    /// Start of the process, `CLOCK_BOOTTIME` ns, as the eBPF side read it.
    #[serde(default)]
    pub start_boot_ns: Option<u64>,
    /// Its arguments.
    #[serde(default)]
    pub cmdline: Option<Vec<ByteString>>,
    /// Its executable.
    #[serde(default)]
    pub exe: Option<ByteString>,
    /// When it was read, `CLOCK_BOOTTIME` ns.
    pub looked_up_ns: u64,
}

/// The sysctls that matter to a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sysctl {
    /// `vm.oom_kill_allocating_task`.
    #[serde(default)]
    pub oom_kill_allocating_task: Option<i64>,
    /// `vm.panic_on_oom`.
    #[serde(default)]
    pub panic_on_oom: Option<i64>,
    /// `vm.overcommit_memory`.
    #[serde(default)]
    pub overcommit_memory: Option<i64>,
}

/// The machine's memory right after a mark, if the decision itself was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Free memory, bytes.
    pub free_bytes: u64,
    /// All memory, bytes.
    pub total_bytes: u64,
    /// `MemAvailable`, bytes: free memory and what could be freed without swapping.
    #[serde(default)]
    pub available_bytes: Option<u64>,
}

/// Time has passed while an incident was open. The frame's own stamp is the current time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {}

/// The differences of the clocks from now on, after the wall clock was set or the machine was suspended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Like [`Session::wall_offset_ns`].
    pub wall_offset_ns: i64,
    /// Like [`Session::monotonic_offset_ns`].
    #[serde(default)]
    pub monotonic_offset_ns: Option<i64>,
}

/// Frames that were lost because the ring was full, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The number of lost frames by kind.
    pub lost: BTreeMap<String, u64>,
    /// OOM kills that the eBPF side counted, each process once.
    #[serde(default)]
    pub kills: u64,
    /// The kills among them whose frames were all lost.
    #[serde(default)]
    pub unreported_kills: u64,
}

impl Loss {
    /// Returns the sum over all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lost.values().fold(0, |total, count| total.saturating_add(*count))
    }
}

/// The number of cgroup paths that the sender and the reader of a stream remember.
pub const CGROUPS_KEPT: usize = 2048;

/// Paths of candidates' cgroups. Each is sent once, and again after [`CGROUPS_KEPT`] others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupPaths {
    /// The path below the mount of the memory hierarchy by kernfs id; "/" for the root.
    pub paths: BTreeMap<u64, ByteString>,
}

/// Frames that the recorder could not keep, since its start: the disk was too slow, full or gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecorderLoss {
    /// The number of frames.
    pub frames: u64,
}

/// `memory.stat` of a cgroup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryStat {
    /// Kernfs id.
    pub memcg: u64,
    /// The values by name, in the kernel's units (bytes or events).
    pub stat: BTreeMap<String, u64>,
}

/// How short memory was when user space sent SIGKILL, read right after it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Kernfs id of the target's cgroup; 0 if it is not known.
    pub memcg: u64,
    /// `MemTotal`, bytes.
    #[serde(default)]
    pub total_bytes: Option<u64>,
    /// `MemAvailable`, bytes.
    #[serde(default)]
    pub available_bytes: Option<u64>,
    /// `SwapTotal`, bytes.
    #[serde(default)]
    pub swap_total_bytes: Option<u64>,
    /// `SwapFree`, bytes.
    #[serde(default)]
    pub swap_free_bytes: Option<u64>,
    /// The machine's stall; absent if PSI is off.
    #[serde(default)]
    pub stall: Option<Stall>,
    /// The target's cgroup and its ancestors, leaf first, without the root.
    #[serde(default)]
    pub cgroups: Vec<CgroupPressure>,
}

/// How much of the last ten seconds tasks waited for memory (PSI), in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    /// At least one task waited.
    pub some_avg10: f64,
    /// All tasks with work waited.
    #[serde(default)]
    pub full_avg10: Option<f64>,
}

/// The figures in a cgroup's files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CgroupPressure {
    /// Kernfs id.
    pub memcg: u64,
    /// `memory.pressure`; absent on v1, and if PSI is off.
    #[serde(default)]
    pub stall: Option<Stall>,
    /// `inactive_file` of `memory.stat`, bytes: page cache that can be dropped.
    #[serde(default)]
    pub inactive_file_bytes: Option<u64>,
    /// `active_file`, bytes: page cache that is dropped after the inactive part.
    #[serde(default)]
    pub active_file_bytes: Option<u64>,
    /// `slab_reclaimable`, bytes; absent on v1.
    #[serde(default)]
    pub slab_reclaimable_bytes: Option<u64>,
    /// `high` of `memory.events`: how often the cgroup was throttled at `memory.high` since it was created.
    #[serde(default)]
    pub high_events: Option<u64>,
    /// `max` of `memory.events`: how often it was about to exceed `memory.max` since it was created.
    #[serde(default)]
    pub max_events: Option<u64>,
}
