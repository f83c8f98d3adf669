//! The options of `why`.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;

use super::{TableFormat, When};

/// Options of `why`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  oomtrace why 4711
  oomtrace why /kubepods/pod7 --since 1h
  oomtrace why nginx.service --format json | jq .report.cause.summary

Exits 0 if memory killed it, 7 if no known incident has such a victim, and 3 if the running tracer refuses (docs/why.md).")]
pub struct Why {
    /// A process id, a cgroup (a path that begins with /), a unit, a container or a pod
    #[arg(value_name = "PID|CGROUP|UNIT|CONTAINER|POD")]
    pub target: OsString,
    /// Recordings, or directories of them [default: the running tracer, then /var/lib/oomtrace]
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// When
    #[command(flatten)]
    pub when: When,
    /// Ask the tracer that listens on this socket, and read no recording [default: /run/oomtrace/socket, if it exists]
    #[arg(long, value_name = "PATH", conflicts_with_all = ["paths", "since", "until"])]
    pub socket: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
}
