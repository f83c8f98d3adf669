//! Installs bpf-linker, which turns the compiler's bitcode into an eBPF object with BTF.

use std::{env, fs, path::Path, process::Command};

use anyhow::Result;
use oomtrace_object::{BPF_LINKER_VERSION, TOOLS_DIRECTORY, find_linker};

use crate::host::run::{run, say};

/// Installs bpf-linker into the project's tools directory, unless the right version exists. Cargo installs the program in its
/// last step, so an interrupted installation leaves none.
pub(super) fn ensure(root: &Path) -> Result<()> {
    if find_linker(root).is_ok() {
        return Ok(());
    }
    say(&format!("compiling bpf-linker {BPF_LINKER_VERSION} into {TOOLS_DIRECTORY}/ (once, about a minute)"));
    let tools = root.join(TOOLS_DIRECTORY);
    fs::create_dir_all(&tools)?;
    // Git ignores the directory independent of the workspace's own list of ignored files.
    fs::write(tools.join(".gitignore"), "*\n")?;
    let build = tools.join("build");
    run(&mut cargo_install(&tools, &build))?;
    Ok(fs::remove_dir_all(build)?)
}

/// Uses a separate build directory, so that an interrupted installation continues where it stopped.
fn cargo_install(tools: &Path, build: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["install", "--quiet", "--locked", "--force", "bpf-linker"]);
    command.arg("--version").arg(format!("={BPF_LINKER_VERSION}"));
    command.arg("--root").arg(tools).arg("--target-dir").arg(build);
    // Debug information would double the time and is not needed.
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    command
}
