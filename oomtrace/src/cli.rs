//! The command line. `cmd/` turns it into settings for the modules below, so that none of them depends on clap.

mod address;
mod chosen;
mod experiment;
mod forecast;
mod history;
mod moment;
mod only;
mod server;
pub mod settings;
mod size;
mod why;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::{
    experiment::{Experiment, ExperimentProcess, ExperimentSupervisor},
    history::HistoryChoice,
    moment::Moment,
    only::Only,
    server::Consumers,
    why::Why,
};
use crate::{size::bytes, whatif::Change};

/// Explains every Linux OOM kill: why memory ran out, why this process was chosen, who it was, what happened next.
///
/// Without a command, `oomtrace` runs `watch` until it is interrupted.
#[derive(Debug, Parser)]
#[command(name = "oomtrace", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Cli {
    /// The command; `watch` if none is given.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `watch`.
    #[command(flatten)]
    pub watch: Watch,
}

const EXAMPLES: &str = "\
Examples:
  sudo oomtrace                          one line per kill, as it happens
  sudo oomtrace --format full            the whole explanation
  sudo oomtrace --format json | jq .cause
  sudo oomtrace record --dir /var/lib/oomtrace
  oomtrace list --since 1day; oomtrace show -1
  sudo oomtrace demo                     one contained kill in a 64 MiB cgroup, explained
  oomtrace check                         what this kernel and these privileges allow

Exit status:
  0  finished, or ended by SIGINT, SIGTERM or a closed pipe
  1  another failure
  2  wrong command line
  3  a privilege is missing, or the running tracer refuses to answer
  4  this kernel cannot be traced
  5  the output could not be written
  6  a file could not be read, is damaged, or is not a recording
  7  the recording, or the running tracer, does not contain the answer
`record -- CMD` exits with the status of CMD; with 127 if CMD does not exist, with 126 if it cannot be started.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report kills as they happen
    Watch(Watch),
    /// Show what this kernel and these privileges allow, and how to get the rest; needs no privilege
    Check(Check),
    /// Cause one contained kill in a 64 MiB scratch cgroup and explain it
    Demo(Demo),
    /// Run the flight recorder: write every decision to files that survive a crash
    Record(Record),
    /// List the incidents of recordings, one per line; needs no privilege
    List(List),
    /// Show incidents of recordings in full; needs no privilege
    Show(Show),
    /// Say whether memory killed a process, a unit or a container; needs no privilege
    Why(Why),
    /// Compare two recordings: victims, causes, time to recover, collateral; needs no privilege
    Diff(Diff),
    /// Print the reports of a recording again, as `watch` printed them; needs no privilege
    Replay(Replay),
    /// Show which process would be killed if the machine or a cgroup ran out of memory now; needs no privilege
    Rank(Rank),
    /// Repeat a recorded decision with one or more settings changed; needs no privilege
    Whatif(Whatif),
    /// Run variants of a setting until memory runs out, and compare what the kernel decides
    Experiment(Experiment),
    /// Print the frames of a recording, one per line, for bug reports; needs no privilege
    Dump(Dump),
    /// The demo process that runs out of memory
    #[command(hide = true)]
    DemoVictim(DemoVictim),
    /// The process that restores everything after an experiment
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
  sudo oomtrace watch --metrics 9402
  sudo oomtrace watch --forecast 60")]
pub struct Watch {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Kind of hooks to use
    #[arg(long, value_enum, default_value_t)]
    pub tier: TierChoice,
    /// Which reports are shown
    #[command(flatten)]
    pub only: Only,
    /// Also write every frame to this file; read it with `list`, `show`, `replay` and `dump`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Which facts about processes are read.
    #[command(flatten)]
    pub look: Look,
    /// Hide values in command lines that look like passwords or tokens; a recording keeps them
    #[arg(long)]
    pub redact: bool,
    /// Where else reports go
    #[command(flatten)]
    pub consumers: Consumers,
}

/// Which facts about processes are read in addition to those from the kernel.
#[derive(Clone, Debug, Default, Args)]
pub struct Look {
    /// Never read or record command lines; executables are still named
    #[arg(long)]
    pub no_cmdline: bool,
    /// Where names of containers and pods come from: files of the runtimes on this machine, read ahead of time
    #[arg(long, value_enum, default_value_t)]
    pub names: NamesChoice,
    /// A program that kills when memory is short, besides those that are known (earlyoom, systemd-oomd, ...); repeatable
    #[arg(long, value_name = "NAME")]
    pub killer: Vec<OsString>,
    /// How often memory is sampled, to show the minutes before a kill: a time such as 5s (at least 1s), or `off`
    #[arg(long, value_name = "off|INTERVAL", default_value_t, value_parser = HistoryChoice::parse)]
    pub history: HistoryChoice,
    /// Announce once per approach that a cgroup or the machine will run out of memory within this time if it grows as before: seconds,
    /// or a time such as 2min (1s to 10min). Without it, there are no forecasts
    #[arg(long, value_name = "SECONDS", value_parser = forecast::horizon)]
    pub forecast: Option<std::time::Duration>,
}

/// Options of `record`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo oomtrace record --dir /var/lib/oomtrace
  sudo oomtrace record -o oom.oomtrace -- make -j64
  sudo oomtrace record -o oom.oomtrace --verdict verdict.json -- ./job")]
pub struct Record {
    /// The output.
    #[command(flatten)]
    pub place: RecordPlace,
    /// Start a new file in --dir when the current one has this size
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size::file_bytes)]
    pub max_size: u64,
    /// Start a new file in --dir when the current one is this old
    #[arg(long, value_name = "AGE", default_value = "1day", value_parser = humantime::parse_duration)]
    pub max_age: std::time::Duration,
    /// Remove the oldest files in --dir when all together exceed this size
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = bytes)]
    pub max_total: u64,
    /// Kind of hooks to use
    #[arg(long, value_enum, default_value_t)]
    pub tier: TierChoice,
    /// Which facts about processes are read.
    #[command(flatten)]
    pub look: Look,
    /// Write what ended CMD, and whether memory did, to this file as JSON (docs/why.md)
    #[arg(long, value_name = "FILE", requires = "command")]
    pub verdict: Option<PathBuf>,
    /// Where else reports go
    #[command(flatten)]
    pub consumers: Consumers,
    /// Command to run; the recording ends when it exits, and oomtrace returns its exit status
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// Where `record` writes to.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct RecordPlace {
    /// Write to this file; it must not exist
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write to files in this directory, which is created if it does not exist
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Options of `list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  oomtrace list                                 the recordings in /var/lib/oomtrace
  oomtrace list --since 2h --comm redis-server
  oomtrace list --cause global host-a/ host-b/
  oomtrace list --format json oom.oomtrace | jq .victim.comm
  oomtrace list --html overview.html oom.oomtrace

If a recording cannot be read, its name and the error go to standard error, and the exit status is 6. The others are still listed.")]
pub struct List {
    /// Recordings, or directories of recordings [default: /var/lib/oomtrace]
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// When
    #[command(flatten)]
    pub when: When,
    /// Which incidents are listed
    #[command(flatten)]
    pub only: Only,
    /// Only the last incident that matches
    #[arg(short = '1', long)]
    pub last: bool,
    /// Then wait for further incidents that a running recorder appends, until Ctrl-C. FILE|DIR is one file or directory
    #[arg(short, long, conflicts_with_all = ["last", "html", "until"])]
    pub follow: bool,
    /// Output format; JSON is one object per line (docs/list.md)
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
    /// Write an overview page to this file instead (- for standard output): kills over time, by cgroup, by cause, repeated victims
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

Exits with status 7 if there is no such incident.")]
pub struct Show {
    /// Number of the incident in `list` (default: all that match), then recordings or directories of recordings
    /// [default: /var/lib/oomtrace]
    #[arg(value_name = "N|FILE|DIR")]
    pub what: Vec<PathBuf>,
    /// Only the last incident that matches
    #[arg(short = '1', long)]
    pub last: bool,
    /// When
    #[command(flatten)]
    pub when: When,
    /// Which incidents are shown
    #[command(flatten)]
    pub only: Only,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Full)]
    pub format: Format,
    /// Write the selected incident as a page to this file instead (- for standard output)
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
    /// A recording, or a directory of recordings
    pub a: PathBuf,
    /// The recording or directory to compare with
    pub b: PathBuf,
    /// When
    #[command(flatten)]
    pub when: When,
    /// Which incidents are compared
    #[command(flatten)]
    pub only: Only,
    /// Output format; JSON is one object (docs/diff.md)
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
}

/// Filters by time, for recordings.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct When {
    /// Only incidents at or after this time: 2026-01-31, "2026-01-31 12:00" (UTC), 2026-01-31T13:00:00+01:00, or 90min (90 minutes ago)
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub since: Option<Moment>,
    /// Only incidents at or before this time
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub until: Option<Moment>,
}

/// Options of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  oomtrace replay /var/log/oom.rec --format full")]
pub struct Replay {
    /// A recording
    pub file: PathBuf,
    /// Output format
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
    /// Output format; JSON is one object
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
    /// Kind of hooks to use
    #[arg(long, value_enum, default_value_t)]
    pub tier: TierChoice,
    /// Show all fields of the kernel's layout, not only the missing ones
    #[arg(long)]
    pub layout: bool,
}

/// Options of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sudo oomtrace demo --format json")]
pub struct Demo {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Full)]
    pub format: Format,
    /// Kind of hooks to use
    #[arg(long, value_enum, default_value_t)]
    pub tier: TierChoice,
}

/// Options of `rank`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  oomtrace rank                            if the machine ran out of memory
  oomtrace rank --cgroup /system.slice --top 3
  oomtrace rank --watch
  oomtrace rank --cgroup /shop --over 10s
  oomtrace rank --format json | jq .candidates[0].pid")]
pub struct Rank {
    /// Assume that this cgroup runs out of memory (a path below the memory hierarchy's mount). If it has no limit, the nearest
    /// cgroup above it that has one is used
    #[arg(long, value_name = "PATH")]
    pub cgroup: Option<PathBuf>,
    /// Number of candidates to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    /// Refresh every second until interrupted
    #[arg(long)]
    pub watch: bool,
    /// Measure growth for this long, to say when memory would run out at its present rate: 1s to 1min, or 0s for no forecast.
    /// With --watch, the rate is that of the last minute at most
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = forecast::over)]
    pub over: std::time::Duration,
    /// Output format; JSON is one object per refresh (docs/rank.md)
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
  oomtrace whatif oom.rec --tmpfs /dev/shm=0

Exits with status 7 and the reason if the recording does not contain the answer (docs/whatif.md).")]
pub struct Whatif {
    /// A recording
    pub file: PathBuf,
    /// Number of the incident, from 1, or from the end if negative; required if there are several
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub incident: Option<i64>,
    /// The changes.
    #[command(flatten)]
    pub changes: Changes,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
}

/// The changes of `whatif`; at least one is required.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// Set `oom_score_adj` (-1000 to 1000) of a process, of all processes with a name, or of a cgroup and all below it; repeatable
    #[arg(long, value_name = "PID|COMM|CGROUP=VALUE", value_parser = Change::adj)]
    pub adj: Vec<Change>,
    /// Set `vm.oom_kill_allocating_task`
    #[arg(long, value_name = "0|1", value_parser = Change::allocating_task)]
    pub allocating_task: Option<Change>,
    /// Set `memory.max` of a cgroup: bytes, optionally followed by K, M, G or T, or `max`; repeatable
    #[arg(long, value_name = "CGROUP=SIZE", value_parser = Change::limit)]
    pub limit: Vec<Change>,
    /// Set `memory.oom.group` of a cgroup; repeatable
    #[arg(long, value_name = "CGROUP=0|1", value_parser = Change::oom_group)]
    pub oom_group: Vec<Change>,
    /// Set how much the files of a tmpfs held, such as `/dev/shm=0` for none; repeatable
    #[arg(long, value_name = "MOUNT=SIZE", value_parser = Change::tmpfs)]
    pub tmpfs: Vec<Change>,
    /// Set how large a part of the report's account was, such as `huge_pages=0`; repeatable
    #[arg(long, value_name = "PART=SIZE", value_parser = Change::part)]
    pub part: Vec<Change>,
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
    /// One line per incident, as soon as it is decided
    #[default]
    Line,
    /// The full explanation, a second after the victim has exited
    Full,
    /// One JSON object per line (docs/json.md)
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
    /// Files of the container runtimes on this machine
    #[default]
    Auto,
    /// No source; reports show identifiers only
    Off,
}

/// `--tier`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TierChoice {
    /// The best tier that this kernel allows
    #[default]
    Auto,
    /// Only fentry and fexit; fail if they are not available
    Fentry,
    /// Only kprobe and kretprobe; fail if they are not available
    Kprobe,
    /// Only tracepoints
    Tracepoint,
}
