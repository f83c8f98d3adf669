//! What the tasks need on this machine, and how to get it.

mod bpf_linker;
mod cargo_tool;
mod packages;
mod rust_src;

use anyhow::{Context as _, Result};
use oomtrace_object::Toolchain;

use crate::{run::say, workspace};

pub(crate) use cargo_tool::CargoTool;
pub(crate) use packages::{apt, is_root};

/// `cargo xtask setup`
pub(crate) fn task() -> Result<()> {
    let toolchain = ebpf_toolchain()?;
    say(&format!("eBPF toolchain in place: rustc {}, {}", toolchain.rustc(), toolchain.linker_version()));
    Ok(())
}

/// The eBPF toolchain, fetched where it is missing. Silent, and a fraction of a second, when all is there.
pub(crate) fn ebpf_toolchain() -> Result<Toolchain> {
    let root = workspace::root();
    if let Ok(toolchain) = Toolchain::find(&root) {
        return Ok(toolchain);
    }
    rust_src::ensure().context("the source of Rust's `core` library cannot be had")?;
    bpf_linker::ensure(&root).context("bpf-linker cannot be had")?;
    Ok(Toolchain::find(&root)?)
}

/// Gets the source of Rust's standard library where it is missing.
pub(crate) fn rust_library() -> Result<()> {
    rust_src::ensure().context("the source of Rust's standard library cannot be had")
}
