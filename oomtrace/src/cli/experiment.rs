//! The command line of an experiment, and the one that it uses for its own processes.

use std::path::PathBuf;

use clap::Args;

use super::{TableFormat, TierChoice};
use crate::experiment::plan::Shape;

/// Options of `experiment`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo oomtrace experiment contrib/experiments/oom-score-adj.toml
  sudo oomtrace experiment swap.toml --repeats 5 -o swap-result --format json
  sudo oomtrace experiment swap.toml --html swap.html
  oomtrace experiment swap.toml --check          check the file for this machine, change nothing
  sudo oomtrace experiment --restore             restore everything after a power cut

docs/experiments.md describes the file and the result.")]
pub struct Experiment {
    /// The experiment file (TOML)
    #[arg(required_unless_present = "restore")]
    pub file: Option<PathBuf>,
    /// Directory to create for the result [default: the file's name followed by the time]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Number of runs of each variant, instead of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeats: Option<u32>,
    /// Seed for the order of the runs, instead of the file's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Allow an experiment that may make this machine run out of memory
    #[arg(long)]
    pub allow_system_oom: bool,
    /// Only check the file: report its errors and its risks on this machine
    #[arg(long)]
    pub check: bool,
    /// Restore what an experiment changed if it was killed together with its supervisor
    #[arg(long, conflicts_with_all = ["file", "output", "repeats", "seed", "allow_system_oom", "check"])]
    pub restore: bool,
    /// Directory for the values to restore; must be on a disk (to survive a power cut), and only root may write to it
    #[arg(long, value_name = "DIR", default_value = "/var/lib/oomtrace-experiment")]
    pub state: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
    /// Also write the result as a page: one file that loads and runs nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["restore", "check"])]
    pub html: Option<PathBuf>,
    /// Kind of hooks to use
    #[arg(long, value_enum, default_value_t)]
    pub tier: TierChoice,
}

/// Options of an experiment's supervisor.
#[derive(Debug, Args)]
pub struct ExperimentSupervisor {
    /// The file with the old values
    pub state: PathBuf,
}

/// Options of an experiment's process.
#[derive(Debug, Args)]
pub struct ExperimentProcess {
    /// The `cgroup.procs` to join first
    #[arg(long)]
    pub procs: Option<PathBuf>,
    /// The name of the process
    #[arg(long)]
    pub name: String,
    /// The `oom_score_adj` of the process
    #[arg(long, allow_negative_numbers = true)]
    pub adj: Option<i16>,
    /// The kind of memory to allocate
    #[arg(long, value_enum)]
    pub hog: Option<Shape>,
    /// The amount of memory in bytes
    #[arg(long, default_value_t = 0)]
    pub size: u64,
    /// The bytes to allocate per second
    #[arg(long)]
    pub rate: Option<u64>,
    /// The number of threads or processes
    #[arg(long, default_value_t = 1)]
    pub count: u32,
    /// Keep running after the last allocation
    #[arg(long)]
    pub hold: bool,
    /// A command to run instead
    #[arg(last = true)]
    pub command: Vec<PathBuf>,
}
