//! What is typed. Settings for the inside are made of it in `cmd/`, so that nothing below knows of clap.

mod address;
mod experiment;
mod moment;
mod only;
mod server;
mod size;
mod why;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::{
    experiment::{Experiment, ExperimentProcess, ExperimentSupervisor},
    moment::Moment,
    only::Only,
    server::Consumers,
    why::Why,
};
use crate::{size::bytes, whatif::Change};

/// Explains every Linux OOM kill: why memory ran out, why this victim, who it was, what happened then.
///
/// Without a command it watches, until it is interrupted.
#[derive(Debug, Parser)]
#[command(name = "oomtrace", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; `watch` if nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `watch`.
    #[command(flatten)]
    pub watch: Watch,
}

const EXAMPLES: &str = "\
Examples:
  sudo oomtrace                          one line for each kill, as it happens
  sudo oomtrace --format full            the whole explanation
  sudo oomtrace --format json | jq .cause
  sudo oomtrace record --dir /var/lib/oomtrace
  oomtrace list --since 1day; oomtrace show -1
  sudo oomtrace demo                     one contained kill in a 64 MiB cgroup, explained
  oomtrace check                         what this kernel and these privileges allow

Exit status:
  0  done, or ended by SIGINT, SIGTERM or a reader that had seen enough
  1  something else failed
  2  wrong command line
  3  a privilege is missing
  4  this kernel cannot be traced
  5  the output could not be written
  6  a file could not be read as what it should be
  7  the recording does not hold what was asked
`record -- CMD` ends with the status of CMD; 127 where there is no CMD, 126 where it cannot be started.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report kills as they happen
    Watch(Watch),
    /// Say what this kernel and these privileges allow, and what to do about the rest; needs no privilege
    Check(Check),
    /// Cause one contained kill in a 64 MiB scratch cgroup and explain it
    Demo(Demo),
    /// The flight recorder: keep every decision in files that survive a crash, to be read later
    Record(Record),
    /// List the incidents of recordings, a line each; needs no privilege
    List(List),
    /// Show incidents of recordings in full; needs no privilege
    Show(Show),
    /// Say whether memory killed a process, a unit or a container; needs no privilege
    Why(Why),
    /// Compare two recordings: victims, causes, time to recover, collateral; needs no privilege
    Diff(Diff),
    /// Report the kills of a recording again, as `watch` did; needs no privilege
    Replay(Replay),
    /// Say who would be killed next if the machine, or a cgroup, ran out of memory now; needs no privilege
    Rank(Rank),
    /// Decide a kill of a recording again with something changed; needs no privilege
    Whatif(Whatif),
    /// Change a knob, cause the OOM, and compare what the kernel decides
    Experiment(Experiment),
    /// Print the frames of a recording, one a line, for bug reports; needs no privilege
    Dump(Dump),
    /// The process that the demo lets run out of memory
    #[command(hide = true)]
    DemoVictim(DemoVictim),
    /// The process that puts everything back after an experiment
    #[command(hide = true)]
    ExperimentSupervisor(ExperimentSupervisor),
    /// A process of an experiment
    #[command(hide = true)]
    ExperimentProcess(ExperimentProcess),
}

/// Options of `watch`.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  sudo oomtrace watch --cgroup /kubepods
  sudo oomtrace watch --cause global --format json
  sudo oomtrace watch --record /var/log/oom.rec
  sudo oomtrace watch --metrics 9402")]
pub struct Watch {
    /// How reports are shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// How to hook the kernel
    #[arg(long, value_enum, default_value_t)]
    pub tier: TierChoice,
    /// Which reports are shown
    #[command(flatten)]
    pub only: Only,
    /// Keep every frame in this file, too; read it with `replay` and `dump`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// What is looked up
    #[command(flatten)]
    pub look: Look,
    /// Hide values in command lines that look like passwords or tokens; a recording keeps them
    #[arg(long)]
    pub redact: bool,
    /// Where else reports go
    #[command(flatten)]
    pub consumers: Consumers,
}

/// What is looked up beside what the kernel says.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Look {
    /// Never read or record command lines; executables are still named
    #[arg(long)]
    pub no_cmdline: bool,
    /// Where names of containers and pods come from: files of the runtimes on this machine, read ahead of time
    #[arg(long, value_enum, default_value_t)]
    pub names: NamesChoice,
}

/// Options of `record`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo oomtrace record --dir /var/lib/oomtrace
  sudo oomtrace record -o oom.oomtrace -- make -j64
  sudo oomtrace record -o oom.oomtrace --verdict verdict.json -- ./job")]
pub struct Record {
    /// Where to
    #[command(flatten)]
    pub place: RecordPlace,
    /// Begin another file in --dir when one has this size
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size::file_bytes)]
    pub max_size: u64,
    /// Begin another file in --dir when one is this old
    #[arg(long, value_name = "AGE", default_value = "1day", value_parser = humantime::parse_duration)]
    pub max_age: std::time::Duration,
    /// Remove the oldest files in --dir beyond this size of all
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = bytes)]
    pub max_total: u64,
    /// How to hook the kernel
    #[arg(long, value_enum, default_value_t)]
    pub tier: TierChoice,
    /// What is looked up
    #[command(flatten)]
    pub look: Look,
    /// Write what ended CMD, and whether memory did, to this file as JSON (docs/why.md)
    #[arg(long, value_name = "FILE", requires = "command")]
    pub verdict: Option<PathBuf>,
    /// Where else reports go
    #[command(flatten)]
    pub consumers: Consumers,
    /// A command to run meanwhile; the recording ends with it, and its exit status is passed on
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// Where `record` writes to.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct RecordPlace {
    /// This file; it must not exist
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Files in this folder, which is made where it is missing
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Options of `list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  oomtrace list                                 what /var/lib/oomtrace holds
  oomtrace list --since 2h --comm redis-server
  oomtrace list --cause global host-a/ host-b/
  oomtrace list --format json oom.oomtrace | jq .victim.comm
  oomtrace list --html overview.html oom.oomtrace

A recording that cannot be read (on) is named on standard error, and the others are listed; the exit status is then 6.")]
pub struct List {
    /// Recordings, or folders of them [default: /var/lib/oomtrace]
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// When
    #[command(flatten)]
    pub when: When,
    /// Which incidents are listed
    #[command(flatten)]
    pub only: Only,
    /// Only the last one that fits
    #[arg(short = '1', long)]
    pub last: bool,
    /// Print one JSON object a line (docs/list.md)
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
    /// Write an overview as a page to this file (- for standard output) instead: over time, by cgroup, by cause, repeat victims
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    pub html: Option<PathBuf>,
}

/// Options of `show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  oomtrace show -1                              the last one in /var/lib/oomtrace
  oomtrace show 3 oom.oomtrace
  oomtrace show 3 oom.oomtrace --html report.html --share
  oomtrace show --comm redis-server --since 2026-01-31 --format json

Exits 7 where there is no such incident.")]
pub struct Show {
    /// Which incident, by its number in `list`, all that fit where none is named; then recordings, or folders of them
    /// [default: /var/lib/oomtrace]
    #[arg(value_name = "N|FILE|DIR")]
    pub what: Vec<PathBuf>,
    /// Only the last one that fits
    #[arg(short = '1', long)]
    pub last: bool,
    /// When
    #[command(flatten)]
    pub when: When,
    /// Which incidents are shown
    #[command(flatten)]
    pub only: Only,
    /// How they are shown
    #[arg(long, value_enum, default_value_t = Format::Full)]
    pub format: Format,
    /// Write the one incident that is meant as a page to this file (- for standard output) instead
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    pub html: Option<PathBuf>,
    /// Hide values in command lines that look like passwords or tokens
    #[arg(long)]
    pub redact: bool,
    /// Make a page that may be handed on: as --redact, and without titles that processes set for themselves
    #[arg(long, requires = "html")]
    pub share: bool,
}

/// Options of `diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  oomtrace diff before.oomtrace after.oomtrace
  oomtrace diff host-a/ host-b/ --cgroup /kubepods --format json | jq .recovery")]
pub struct Diff {
    /// A recording, or a folder of them
    pub a: PathBuf,
    /// Another one
    pub b: PathBuf,
    /// When
    #[command(flatten)]
    pub when: When,
    /// Which incidents are compared
    #[command(flatten)]
    pub only: Only,
    /// Print one JSON object (docs/diff.md)
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
}

/// Filters by time, for recordings.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct When {
    /// Not before this: 2026-01-31, "2026-01-31 12:00" (UTC), 2026-01-31T13:00:00+01:00, or 90min for so long ago
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub since: Option<Moment>,
    /// Not after this
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub until: Option<Moment>,
}

/// Options of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  oomtrace replay /var/log/oom.rec --format full")]
pub struct Replay {
    /// A recording
    pub file: PathBuf,
    /// How reports are shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Which reports are shown
    #[command(flatten)]
    pub only: Only,
    /// Hide values in command lines that look like passwords or tokens
    #[arg(long)]
    pub redact: bool,
}

/// Options of `check`.
#[derive(Debug, Args)]
#[command(after_help = "Exits 0 only if `watch` would work now.\n\nExample:\n  sudo oomtrace check")]
pub struct Check {
    /// Print one JSON object
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
    /// How to hook the kernel
    #[arg(long, value_enum, default_value_t)]
    pub tier: TierChoice,
    /// Show every field of the kernel's layout, not the missing ones alone
    #[arg(long)]
    pub layout: bool,
}

/// Options of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sudo oomtrace demo --format json")]
pub struct Demo {
    /// How the report is shown
    #[arg(long, value_enum, default_value_t = Format::Full)]
    pub format: Format,
    /// How to hook the kernel
    #[arg(long, value_enum, default_value_t)]
    pub tier: TierChoice,
}

/// Options of `rank`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  oomtrace rank                            the machine runs out
  oomtrace rank --cgroup /system.slice --top 3
  oomtrace rank --watch
  oomtrace rank --format json | jq .candidates[0].pid")]
pub struct Rank {
    /// If this cgroup ran out (a path below the memory hierarchy's mount); one without a limit runs out with the nearest
    /// cgroup above it that has one
    #[arg(long, value_name = "PATH")]
    pub cgroup: Option<PathBuf>,
    /// Show no more than so many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    /// Look again every second, until interrupted
    #[arg(long)]
    pub watch: bool,
    /// Print one JSON object a look (docs/rank.md)
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
}

/// Options of `whatif`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  oomtrace whatif oom.rec --adj redis=500
  oomtrace whatif oom.rec --incident 2 --adj 812=-1000 --adj /system.slice=-100
  oomtrace whatif oom.rec --incident -1 --allocating-task 1 --format json
  oomtrace whatif oom.rec --limit /box=128M
  oomtrace whatif oom.rec --oom-group /box=1

Exits 7, with the reason, where the recording does not hold the answer (docs/whatif.md).")]
pub struct Whatif {
    /// A recording
    pub file: PathBuf,
    /// Which incident of it, counted from 1; from the end if negative; needed if there are several
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub incident: Option<i64>,
    /// What is different
    #[command(flatten)]
    pub changes: Changes,
    /// How the answer is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
}

/// What is different. At least one thing is.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// Another `oom_score_adj` (-1000 to 1000) for a process, for all of a name, or for a cgroup and all below it; repeatable
    #[arg(long, value_name = "PID|COMM|CGROUP=VALUE", value_parser = Change::adj)]
    pub adj: Vec<Change>,
    /// Another `vm.oom_kill_allocating_task`
    #[arg(long, value_name = "0|1", value_parser = Change::allocating_task)]
    pub allocating_task: Option<Change>,
    /// Another `memory.max` for a cgroup: bytes, with K, M, G or T behind, or `max`; repeatable
    #[arg(long, value_name = "CGROUP=SIZE", value_parser = Change::limit)]
    pub limit: Vec<Change>,
    /// Another `memory.oom.group` for a cgroup; repeatable
    #[arg(long, value_name = "CGROUP=0|1", value_parser = Change::oom_group)]
    pub oom_group: Vec<Change>,
}

/// Options of `dump`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  oomtrace dump /var/log/oom.rec | head")]
pub struct Dump {
    /// A recording
    pub file: PathBuf,
}

/// Options of the demo's process.
#[derive(Debug, Args)]
pub struct DemoVictim {
    /// The `cgroup.procs` to join first
    pub procs: PathBuf,
}

/// How reports are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line each, at once
    #[default]
    Line,
    /// The whole explanation, once the victim is gone
    Full,
    /// One JSON object a line (docs/json.md)
    Json,
}

/// How a table is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For reading
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// `--names`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NamesChoice {
    /// Files of container runtimes, where there are any
    #[default]
    Auto,
    /// Nowhere: identifiers alone are shown
    Off,
}

/// `--tier`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TierChoice {
    /// The best this kernel allows
    #[default]
    Auto,
    /// fentry and fexit, or nothing
    Fentry,
    /// kprobe and kretprobe, or nothing
    Kprobe,
    /// Tracepoints alone
    Tracepoint,
}
