//! `cargo xtask survive`: a recorder killed at as many random moments as one has patience for.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::run::{run, say};
use crate::workspace;

/// `cargo xtask survive`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How often
    #[arg(long, default_value_t = 1000)]
    kills: u32,
}

/// The test that `cargo test` runs with fewer kills; it says how many there were, and what was read.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    say(&format!("{} recorders are killed with SIGKILL while they write", arguments.kills));
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root()).args(["test", "--quiet", "--locked", "--package", "oomtrace"]);
    cargo.args(["--test", "survival", "--", "--nocapture"]);
    run(cargo.env("OOMTRACE_SURVIVAL_KILLS", arguments.kills.to_string()))
}
