//! `cargo xtask lint`: checks format, lints and house rules.

use std::{env, process::Command};

use anyhow::{Context as _, Result};
use oomtrace_object::Arch;

use crate::{
    host::{
        run::{run, say},
        setup, workspace,
    },
    tidy,
};

/// Runs the checks in turn and stops at the first failure.
pub(crate) fn task() -> Result<()> {
    say("house rules");
    tidy::check(&workspace::root())?;
    say("cargo fmt --check");
    run(cargo("fmt").args(["--all", "--check"])).context("run `cargo fmt --all`")?;
    say("cargo clippy");
    run(cargo("clippy")
        .args(["--quiet", "--locked", "--workspace", "--exclude", "oomtrace-ebpf", "--all-targets"])
        .args(["--", "-Dwarnings"]))?;
    say("cargo clippy, oomtrace with deliberate faults");
    run(cargo("clippy")
        .args(["--quiet", "--locked", "--package", "oomtrace", "--features", "faults"])
        .args(["--", "-Dwarnings"]))?;
    say("cargo doc");
    run(cargo("doc").env("RUSTDOCFLAGS", "-Dwarnings").args([
        "--quiet",
        "--locked",
        "--no-deps",
        "--workspace",
        "--exclude",
        "oomtrace-ebpf",
    ]))?;
    clippy_ebpf()
}

fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root()).arg(subcommand);
    command
}

/// Lints the eBPF crate, which compiles only for its own target with its own toolchain.
fn clippy_ebpf() -> Result<()> {
    let toolchain = match setup::ebpf_toolchain() {
        Ok(toolchain) => toolchain,
        Err(error) => {
            say(&format!("oomtrace-ebpf not linted: {error:#}"));
            return Ok(());
        }
    };
    for arch in Arch::ALL {
        say(&format!("cargo clippy, oomtrace-ebpf for {arch}"));
        let mut clippy = oomtrace_object::cargo(&workspace::root(), &toolchain, arch, "clippy");
        let target = workspace::target().join("ebpf");
        run(clippy.arg("--bins").arg("--target-dir").arg(target).args(["--", "-Dwarnings"]))?;
    }
    Ok(())
}
