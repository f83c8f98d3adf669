//! `cargo xtask demo`: builds oomtrace and runs its demo.

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::host::{
    run::{say, status},
    setup, workspace,
};

/// `cargo xtask demo`
#[derive(Args)]
pub(crate) struct Arguments {
    /// Arguments for `oomtrace demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Builds oomtrace and runs its demo. The task exits with the demo's exit code.
pub(crate) fn task(arguments: &Arguments) -> Result<ExitCode> {
    say("building oomtrace (release; needs only stable Rust)");
    let program = build()?;
    let as_root = setup::is_root()?;
    say(if as_root {
        "running `oomtrace demo`"
    } else {
        "running `sudo oomtrace demo`: tracing needs privileges"
    });
    let mut demo = Command::new(if as_root { program.as_os_str() } else { "sudo".as_ref() });
    demo.args((!as_root).then_some(&program)).arg("demo").args(&arguments.arguments);
    let code = status(&mut demo)?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Builds the command and returns its path.
fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root()).args(["build", "--release", "--locked", "--package", "oomtrace"]);
    cargo.args(["--bin", "oomtrace", "--message-format", "json-render-diagnostics"]);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot run `cargo`")?;
    ensure!(output.status.success(), "building oomtrace failed ({})", output.status);
    executable(&output.stdout).context("cargo's messages name no program")
}

/// The program named in cargo's messages.
fn executable(messages: &[u8]) -> Option<PathBuf> {
    let messages = messages.split(|byte| *byte == b'\n');
    let parsed = messages.filter_map(|message| serde_json::from_slice::<Value>(message).ok());
    parsed.filter_map(|message| Some(message.get("executable")?.as_str()?.into())).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_program_from_cargos_messages() {
        let messages = b"{\"reason\":\"compiler-artifact\",\"executable\":null}\nnoise\n\
            {\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/oomtrace\"}\n{\"reason\":\"build-finished\"}\n";
        assert_eq!(executable(messages), Some("/t/release/oomtrace".into()));
        assert_eq!(executable(b"{}\n"), None);
    }
}
