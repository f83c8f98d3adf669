//! What a guest is told to do: the file `/job.json` of its initramfs.

use serde::{Deserialize, Serialize};

use crate::cost::Plan;
use crate::experiment::Experiment;
use crate::scenario::{Hierarchy, Scenario};

/// Where the guest finds its job.
pub const JOB_FILE: &str = "/job.json";
/// Where the guest finds the memory program.
pub const HOG_FILE: &str = "/bin/hog";
/// Where the guest finds the tracer.
pub const TRACER_FILE: &str = "/bin/oomtrace";
/// Where the guest mounts the freezer of cgroup v1, if the kernel has it.
pub const FREEZER_FOLDER: &str = "/freezer";
/// The environment variable that names a deliberate fault to a tracer built with its feature `faults`.
pub const FAULT_VARIABLE: &str = "OOMTRACE_FAULT";

/// Where the guest has the tracer record scenarios, one after the other.
pub const RECORDING_FILE: &str = "/scenario.oomtrace";

/// Where the guest finds kernel modules; in the order of their names each comes after those it depends on.
pub const MODULES_FOLDER: &str = "/modules";

/// Everything a guest does between its start and its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Which hierarchy gets the memory controller.
    pub hierarchy: Hierarchy,
    /// Swap to set up, in MiB; 0 is none.
    #[serde(default)]
    pub swap_mib: u32,
    /// Whether there is a disk to mount.
    #[serde(default)]
    pub disk: bool,
    /// Whether to mount tracefs and debugfs.
    pub tracefs: bool,
    /// Seconds after which the guest gives up and goes down.
    pub deadline_s: u64,
    /// What to do.
    pub work: Work,
}

/// What a guest can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Run scenarios one after the other; one [`crate::observation::Observation`] each.
    Scenarios {
        /// The scenarios, in order.
        scenarios: Vec<Scenario>,
        /// How the tracer runs; absent: none does, only the witnesses are collected.
        watch: Option<Watch>,
    },
    /// Record while the machine runs out of memory ([`crate::reset`]), and reset it: one list of
    /// [`crate::observation::ProcessRun`], and no end.
    RecordAndReset {
        /// What `oomtrace watch --tier` is told.
        tier: Tier,
    },
    /// Record to a disk that turns read-only meanwhile: one [`crate::read_only::ReadOnlyRun`].
    RecordToReadOnly {
        /// What `oomtrace watch --tier` is told.
        tier: Tier,
    },
    /// Run commands one after the other; one [`crate::observation::CommandRun`] each.
    Commands(Vec<Command>),
    /// Run experiments one after the other; one [`crate::observation::ExperimentRun`] each.
    Experiments {
        /// The experiments, in order.
        experiments: Vec<Experiment>,
        /// What `oomtrace watch --tier` is told.
        tier: Tier,
    },
    /// Measure what decisions cost; two [`crate::cost::Measured`] for each crowd.
    Cost(Plan),
}

/// How `oomtrace watch` is run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// What `--tier` is told.
    pub tier: Tier,
    /// The place in which it shall go wrong on purpose, such as `rule:memcg_limit`.
    pub fault: Option<String>,
    /// The file to record to.
    pub recording: Option<String>,
    /// Whether to hand the recording back.
    #[serde(default)]
    pub keep: bool,
}

/// A tier of hooks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// BPF trampolines.
    Fentry,
    /// Breakpoints.
    Kprobe,
    /// Tracepoints alone.
    Tracepoint,
}

impl Tier {
    /// Every tier, the best first.
    pub const ALL: [Self; 3] = [Self::Fentry, Self::Kprobe, Self::Tracepoint];

    /// Its name, as `--tier` takes it and the report gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
            Self::Tracepoint => "tracepoint",
        }
    }
}

/// A command to run in the guest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Command {
    /// What this command shows.
    pub name: String,
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// The user to run it as.
    pub uid: u32,
    /// Where its standard output goes.
    pub stdout: Stdout,
    /// Folders to lay an empty one over meanwhile.
    pub hide: Vec<String>,
    /// What to do while it runs.
    pub meanwhile: Option<Meanwhile>,
    /// Seconds after which it is killed; 0 stands for 60.
    pub deadline_s: u64,
}

/// Where a command's standard output goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdout {
    /// Into the result.
    #[default]
    Collected,
    /// Into a pipe that nobody reads any more.
    BrokenPipe,
}

/// Something to do to a running command, once its standard error holds a word.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meanwhile {
    /// The word waited for.
    pub word: String,
    /// Another command to run to its end.
    pub run: Vec<String>,
    /// A signal to send afterwards.
    pub signal: Option<i32>,
}
