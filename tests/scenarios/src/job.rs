//! The job of a guest: the file `/job.json` of its initramfs.

use serde::{Deserialize, Serialize};

use crate::cost::Plan;
use crate::experiment::Experiment;
use crate::scenario::{Hierarchy, Scenario};

/// The path of the job in the guest.
pub const JOB_FILE: &str = "/job.json";
/// The path of the memory program in the guest.
pub const HOG_FILE: &str = "/bin/hog";
/// The path of the tracer in the guest.
pub const TRACER_FILE: &str = "/bin/oomtrace";
/// The mount point of the freezer of cgroup v1 in the guest, if the kernel has it.
pub const FREEZER_DIRECTORY: &str = "/freezer";
/// The environment variable that names a deliberate fault to a tracer built with its feature `faults`.
pub const FAULT_VARIABLE: &str = "OOMTRACE_FAULT";

/// The path to which the tracer in the guest records each scenario.
pub const RECORDING_FILE: &str = "/scenario.oomtrace";

/// The directory of kernel modules in the guest. Sorted by name, each module comes after those that it depends on.
pub const MODULES_DIRECTORY: &str = "/modules";

/// The document of a guest that waits for its work.
pub const READY: &str = "ready";

/// Everything a guest does between its start and its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The hierarchy that gets the memory controller.
    pub hierarchy: Hierarchy,
    /// Swap to set up, in MiB; 0 for none.
    #[serde(default)]
    pub swap_mib: u32,
    /// Whether there is a disk to mount.
    #[serde(default)]
    pub disk: bool,
    /// Whether to mount tracefs and debugfs.
    pub tracefs: bool,
    /// Seconds after which the guest gives up and powers down.
    pub deadline_s: u64,
    /// The work.
    pub work: Work,
}

/// The kinds of work.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Run scenarios one after the other, with one [`crate::observation::Observation`] each.
    Scenarios {
        /// The scenarios, in order.
        scenarios: Vec<Scenario>,
        /// How to run the tracer. If absent, the guest runs no tracer and only collects the witnesses.
        watch: Option<Watch>,
    },
    /// Record while the machine runs out of memory ([`crate::reset`]), then reset it. The guest sends one list of
    /// [`crate::observation::ProcessRun`] and no end mark.
    RecordAndReset {
        /// The tier, as `oomtrace watch --tier` takes it.
        tier: Tier,
    },
    /// Record with forecasts until the machine runs out of memory and the kernel panics ([`crate::panic`]). The guest sends one
    /// [`crate::observation::ProcessRun`] when there is a forecast, and no end mark.
    RecordUntilPanic {
        /// The tier, as `oomtrace watch --tier` takes it.
        tier: Tier,
    },
    /// Record to a disk that becomes read-only meanwhile, with one [`crate::read_only::ReadOnlyRun`].
    RecordToReadOnly {
        /// The tier, as `oomtrace watch --tier` takes it.
        tier: Tier,
    },
    /// Run commands one after the other, with one [`crate::observation::CommandRun`] each.
    Commands(Vec<Command>),
    /// Run experiments one after the other, with one [`crate::observation::ExperimentRun`] each.
    Experiments {
        /// The experiments, in order.
        experiments: Vec<Experiment>,
        /// The tier, as `oomtrace watch --tier` takes it.
        tier: Tier,
    },
    /// Run storms of kills, with one [`crate::storm::Storm`] each.
    Storms(crate::storm::Plan),
    /// Say that the machine is ready ([`READY`]), wait for another [`Job`] on the second serial port, and do its work by its
    /// deadline. The host keeps the machine at that point and starts many guests from it.
    FromPort,
    /// Measure the cost of decisions, with two [`crate::cost::Measured`] for each crowd.
    Cost(Plan),
}

/// How to run `oomtrace watch`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// The value of `--tier`.
    pub tier: Tier,
    /// A deliberate fault of the tracer, such as `rule:memcg_limit`.
    pub fault: Option<String>,
    /// The file to record to.
    pub recording: Option<String>,
    /// Whether to return the recording.
    #[serde(default)]
    pub keep: bool,
    /// The value of `--forecast`, in seconds.
    #[serde(default)]
    pub forecast_s: Option<u64>,
}

impl Watch {
    /// A tracer that records to this file.
    #[must_use]
    pub fn to_file(tier: Tier, file: &str) -> Self {
        Self { tier, fault: None, recording: Some(file.to_owned()), keep: false, forecast_s: None }
    }
}

/// A tier of hooks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// BPF trampolines.
    Fentry,
    /// Breakpoints.
    Kprobe,
    /// Only tracepoints.
    Tracepoint,
}

impl Tier {
    /// Every tier, the best first.
    pub const ALL: [Self; 3] = [Self::Fentry, Self::Kprobe, Self::Tracepoint];

    /// Its name in `--tier` and in reports.
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
    /// The purpose of the command.
    pub name: String,
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// The user to run it as.
    pub uid: u32,
    /// The destination of its standard output.
    pub stdout: Stdout,
    /// Directories to hide under empty ones meanwhile.
    pub hide: Vec<String>,
    /// Actions while it runs.
    pub meanwhile: Option<Meanwhile>,
    /// Seconds after which it is killed; 0 stands for 60.
    pub deadline_s: u64,
}

/// The destination of a command's standard output.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdout {
    /// Into the result.
    #[default]
    Collected,
    /// Into a pipe without a reader.
    BrokenPipe,
}

/// Actions on a running command once its standard error contains a word.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meanwhile {
    /// The word to wait for.
    pub word: String,
    /// Another command to run to its end.
    pub run: Vec<String>,
    /// A signal to send afterwards.
    pub signal: Option<i32>,
}
