//! Builds the programs with the release profile, as users get them.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::host::workspace;

/// Builds a package's program with the release profile, and returns its path.
pub(super) fn build(package: &str, program: &str) -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root()).args(["build", "--release", "--locked", "--package", package]);
    cargo.args(["--bin", program, "--message-format", "json-render-diagnostics"]);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot run `cargo`")?;
    ensure!(output.status.success(), "{package} does not build ({})", output.status);
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let parsed = messages.filter_map(|message| serde_json::from_slice::<Value>(message).ok());
    let mut built = parsed.filter_map(|message| Some(message.get("executable")?.as_str()?.into()));
    built.next_back().with_context(|| format!("cargo names no program that it built of {package}"))
}
