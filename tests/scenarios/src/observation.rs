//! What a guest hands back.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// Everything seen while one scenario ran.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// The scenario's name.
    pub scenario: String,
    /// The kernel's release.
    pub release: String,
    /// The feature that is missing, if the scenario could not be run for that.
    pub not_applicable: Option<String>,
    /// What the guest itself could not do.
    pub failure: Option<String>,
    /// The tracer's run, if there was one.
    pub tracer: Option<TracerRun>,
    /// What `oomtrace rank` said before anybody took more memory, where the scenario is foreseeable.
    #[serde(default)]
    pub rank: Option<CommandRun>,
    /// The records of `/dev/kmsg` since the scenario began, verbatim.
    pub log: Vec<String>,
    /// The marks that the kernel's own trace has, in order; absent in what was captured without.
    #[serde(default)]
    pub marks: Option<Vec<Mark>>,
    /// The processes of the scenario.
    pub processes: Vec<ProcessRun>,
    /// The scenario's cgroups.
    pub cgroups: Vec<CgroupCounters>,
    /// `oom_kill` of `/proc/vmstat` before and after.
    pub vmstat_oom_kill: (u64, u64),
    /// MemTotal and SwapTotal together, in bytes.
    pub memory_bytes: u64,
    /// SwapTotal, in bytes.
    #[serde(default)]
    pub swap_bytes: u64,
    /// Bytes of a page; absent in what was captured before guests with other pages than 4 KiB.
    #[serde(default)]
    pub page_size: Option<NonZeroU64>,
    /// Whether the kernel does not list where the memory of each CPU is (`CONFIG_KALLSYMS_ALL=n`): per-CPU figures cannot be
    /// read then.
    #[serde(default)]
    pub hides_cpu_offsets: bool,
    /// Pages present in each memory node.
    #[serde(default)]
    pub node_pages: BTreeMap<u32, u64>,
    /// The wall clock before anybody took more memory and at the end, Unix time in ns; absent where it was not read.
    #[serde(default)]
    pub wall_ns: Option<(i128, i128)>,
    /// Whether `oom:mark_victim` tells of the task, and not of its pid alone.
    pub mark_victim_tells_task: bool,
    /// Milliseconds the scenario took, the tracer's start included.
    pub elapsed_ms: u64,
}

impl Observation {
    /// Bytes of a page.
    #[must_use]
    pub fn page_bytes(&self) -> u64 {
        self.page_size.map_or(4096, NonZeroU64::get)
    }
}

/// One run of the tracer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TracerRun {
    /// The lines of its standard output.
    pub lines: Vec<Text>,
    /// How many of them came before it was told to end.
    pub lines_live: usize,
    /// Its standard error.
    pub stderr: Text,
    /// How it ended; absent if it had to be killed.
    pub status: Option<Status>,
    /// Milliseconds from its start to the word `armed`; absent if that never came.
    pub armed_ms: Option<u64>,
    /// What `oomtrace replay` made of its recording; absent where it made none.
    #[serde(default)]
    pub replay: Option<Replay>,
    /// The recording itself, if it was asked for.
    #[serde(default)]
    pub recording: Option<Text>,
}

/// One run of `oomtrace replay`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Replay {
    /// The lines of its standard output.
    pub lines: Vec<Text>,
    /// Its standard error.
    pub stderr: Text,
    /// How it ended; absent if it had to be killed.
    pub status: Option<Status>,
}

/// One process of a scenario.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProcessRun {
    /// Its role in the scenario.
    pub role: String,
    /// Its process id.
    pub pid: u32,
    /// How it ended; absent for one that was still there at the end.
    pub status: Option<Status>,
    /// The arguments it was started with; none where somebody else started it.
    #[serde(default)]
    pub cmdline: Vec<Text>,
}

/// One record of `oom:mark_victim`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Id of the thread that was marked.
    pub tid: u32,
    /// Id of the thread that marked it.
    pub by_tid: u32,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// The events of a cgroup, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CgroupCounters {
    /// Its path below the hierarchy's mount.
    pub path: Text,
    /// `memory.events` (v2) or `memory.oom_control` (v1) before.
    pub before: BTreeMap<String, u64>,
    /// The same, after.
    pub after: BTreeMap<String, u64>,
}

impl CgroupCounters {
    /// How much a counter grew; absent if the kernel has none of that name.
    #[must_use]
    pub fn growth(&self, name: &str) -> Option<u64> {
        self.after.get(name)?.checked_sub(*self.before.get(name)?)
    }
}

/// One command's run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CommandRun {
    /// The command's name in the job.
    pub name: String,
    /// What the guest itself could not do.
    pub failure: Option<String>,
    /// Its standard output.
    pub stdout: Text,
    /// Its standard error.
    pub stderr: Text,
    /// How it ended; absent if it had to be killed.
    pub status: Option<Status>,
    /// What is attached and left in the kernel before it.
    pub before: Traces,
    /// The same, after it.
    pub after: Traces,
}

/// One experiment's run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExperimentRun {
    /// The scenario that was recorded.
    pub recorded: Observation,
    /// What `oomtrace whatif` said.
    pub answer: CommandRun,
    /// The scenario with the change made.
    pub again: Observation,
}

/// What a tracer can leave behind in the kernel.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Traces {
    /// Ids of the BPF programs loaded.
    pub bpf_programs: Vec<u32>,
    /// The probes in tracefs' `kprobe_events`.
    pub kprobe_events: String,
    /// The functions in tracefs' `enabled_functions`.
    pub enabled_functions: String,
    /// The cgroups below the root.
    pub cgroups: Vec<Text>,
}
