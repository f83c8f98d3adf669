//! The results of a guest.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// All observations during one scenario.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// The scenario's name.
    pub scenario: String,
    /// The kernel's release.
    pub release: String,
    /// The missing feature, if it made the scenario not applicable.
    pub not_applicable: Option<String>,
    /// An error of the guest itself.
    pub failure: Option<String>,
    /// The tracer's run, if there was one.
    pub tracer: Option<TracerRun>,
    /// The output of `oomtrace rank` before any further allocation, if the outcome is foreseeable.
    #[serde(default)]
    pub rank: Option<CommandRun>,
    /// The records of `/dev/kmsg` since the scenario began, verbatim.
    pub log: Vec<String>,
    /// The marks in the kernel's own trace, in order. Absent in captures without a trace.
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
    /// Bytes of a page. Absent in captures from before guests with pages other than 4 KiB.
    #[serde(default)]
    pub page_size: Option<NonZeroU64>,
    /// Whether the kernel hides the offsets of per-CPU memory (`CONFIG_KALLSYMS_ALL=n`). Per-CPU figures cannot be read then.
    #[serde(default)]
    pub hides_cpu_offsets: bool,
    /// Pages present in each memory node.
    #[serde(default)]
    pub node_pages: BTreeMap<u32, u64>,
    /// The wall clock before any further allocation and at the end, Unix time in ns. Absent if it was not read.
    #[serde(default)]
    pub wall_ns: Option<(i128, i128)>,
    /// Whether `oom:mark_victim` contains the task's fields, and not only its pid.
    pub mark_victim_tells_task: bool,
    /// The duration of the scenario in milliseconds, including the tracer's start.
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
    /// How many of them came before the tracer was stopped.
    pub lines_live: usize,
    /// Its standard error.
    pub stderr: Text,
    /// The exit status. Absent if it had to be killed.
    pub status: Option<Status>,
    /// Milliseconds from its start to the word `armed`. Absent if it never printed the word.
    pub armed_ms: Option<u64>,
    /// The replay of its recording. Absent if it made none.
    #[serde(default)]
    pub replay: Option<Replay>,
    /// The recording itself, if requested.
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
    /// The exit status. Absent if it had to be killed.
    pub status: Option<Status>,
}

/// One process of a scenario.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProcessRun {
    /// Its role in the scenario.
    pub role: String,
    /// Its process id.
    pub pid: u32,
    /// The exit status. Absent if the process existed at the end.
    pub status: Option<Status>,
    /// The arguments of its start. Empty if another process started it.
    #[serde(default)]
    pub cmdline: Vec<Text>,
}

/// One record of `oom:mark_victim`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Id of the marked thread.
    pub tid: u32,
    /// Id of the marking thread.
    pub by_tid: u32,
}

/// The exit status of a process.
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
    /// `memory.events` (v2) or `memory.oom_control` (v1) before the scenario.
    pub before: BTreeMap<String, u64>,
    /// The same after the scenario.
    pub after: BTreeMap<String, u64>,
}

impl CgroupCounters {
    /// The growth of a counter. Absent if the kernel has no such counter.
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
    /// An error of the guest itself.
    pub failure: Option<String>,
    /// Its standard output.
    pub stdout: Text,
    /// Its standard error.
    pub stderr: Text,
    /// The exit status. Absent if it had to be killed.
    pub status: Option<Status>,
    /// The traces in the kernel before the command.
    pub before: Traces,
    /// The traces after the command.
    pub after: Traces,
}

/// One experiment's run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExperimentRun {
    /// The recorded run of the scenario.
    pub recorded: Observation,
    /// The answer of `oomtrace whatif`.
    pub answer: CommandRun,
    /// The run of the scenario with the change.
    pub again: Observation,
}

/// Traces that a tracer can leave in the kernel.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Traces {
    /// Ids of the loaded BPF programs.
    pub bpf_programs: Vec<u32>,
    /// The probes in tracefs' `kprobe_events`.
    pub kprobe_events: String,
    /// The functions in tracefs' `enabled_functions`.
    pub enabled_functions: String,
    /// The cgroups below the root.
    pub cgroups: Vec<Text>,
}
