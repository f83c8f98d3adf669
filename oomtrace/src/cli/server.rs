//! The options of consumers that may block.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;

use super::address;
use crate::server::HOOK_DIRECTORY;

/// Where reports go besides the output.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Integration")]
pub struct Consumers {
    /// Serve metrics for Prometheus at http://ADDR/metrics (docs/metrics.md); a port alone is on 127.0.0.1
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = address::listen)]
    pub metrics: Option<SocketAddr>,
    /// Run this program for each report, with the report as JSON on its standard input (docs/hooks.md)
    #[arg(long, value_name = "CMD")]
    pub exec: Option<OsString>,
    /// Kill the program of --exec if it runs longer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration, requires = "exec")]
    pub exec_timeout: Duration,
    /// Write an entry to systemd's journal for each report (docs/journal.md)
    #[arg(long)]
    pub journal: bool,
    /// Answer `oomtrace why`, and stream reports, on this local socket; every process may ask about its own (docs/socket.md)
    #[arg(long, value_name = "PATH", overrides_with = "socket")]
    pub socket: Option<PathBuf>,
    /// Hear systemd-oomd's announcement before it kills, and report who was alive then (docs/hooks.md); needs `PrekillHookTimeoutSec=`
    /// in oomd.conf. DIR is where systemd-oomd looks for sockets
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = HOOK_DIRECTORY, value_parser = hook_directory)]
    pub oomd_hook: Option<PathBuf>,
    /// Read settings from this file [default: /etc/oomtrace.toml, if it exists] (docs/config.md)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Parses the directory of systemd-oomd's hook. In settings, `true` is the usual directory.
fn hook_directory(text: &str) -> Result<PathBuf, String> {
    if text == "false" {
        return Err("the hook is off by default; remove this setting".to_owned());
    }
    let path = PathBuf::from(if text == "true" { HOOK_DIRECTORY } else { text });
    if path.is_absolute() { Ok(path) } else { Err("must be an absolute path".to_owned()) }
}
