//! `cargo xtask survive`: kills a recorder at many random moments.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::host::run::{run, say};
use crate::host::workspace;

/// `cargo xtask survive`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many times
    #[arg(long, default_value_t = 1000)]
    kills: u32,
}

/// Runs the test of `cargo test` with more kills. The test prints the number of kills and of incidents read.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    say(&format!("killing {} recorders with SIGKILL while they write", arguments.kills));
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root()).args(["test", "--quiet", "--locked", "--package", "oomtrace"]);
    cargo.args(["--test", "survival", "--", "--nocapture"]);
    run(cargo.env("OOMTRACE_SURVIVAL_KILLS", arguments.kills.to_string()))
}
