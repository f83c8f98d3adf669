//! The tools that the tasks need on this machine, and their installation.

mod bpf_linker;
mod cargo_tool;
mod packages;
mod rust_src;

use anyhow::{Context as _, Result};
use oomtrace_object::Toolchain;

use crate::host::{run::say, workspace};

pub(crate) use cargo_tool::CargoTool;
pub(crate) use packages::{apt, is_root};

/// `cargo xtask setup`
pub(crate) fn task() -> Result<()> {
    let toolchain = ebpf_toolchain()?;
    say(&format!("eBPF toolchain in place: rustc {}, {}", toolchain.rustc(), toolchain.linker_version()));
    Ok(())
}

/// Returns the eBPF toolchain and fetches missing parts. If nothing is missing, it is silent and takes a fraction of a second.
pub(crate) fn ebpf_toolchain() -> Result<Toolchain> {
    let root = workspace::root();
    if let Ok(toolchain) = Toolchain::find(&root) {
        return Ok(toolchain);
    }
    rust_src::ensure().context("cannot get the source of Rust's `core` library")?;
    bpf_linker::ensure(&root).context("cannot get bpf-linker")?;
    Ok(Toolchain::find(&root)?)
}

/// Fetches the source of Rust's standard library if it is missing.
pub(crate) fn rust_library() -> Result<()> {
    rust_src::ensure().context("cannot get the source of Rust's standard library")
}
