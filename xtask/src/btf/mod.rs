//! `cargo xtask btf`: makes small BTF fixtures from real kernels for the tests of layout resolution.

mod image;
mod kernel;
mod payload;
mod prune;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use self::kernel::{btf::Btf, facts::KernelFacts, layout};
use crate::{
    host::{run::say, workspace},
    kernels,
};

/// `cargo xtask btf`
#[derive(Args)]
pub(crate) struct Arguments {
    /// Kernels: 6.12 (from the cache), or a name and its file: 6.12=vmlinuz, mine=/sys/kernel/btf/vmlinux
    #[arg(required = true)]
    kernels: Vec<String>,
}

/// `cargo xtask btf`
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    for wanted in &arguments.kernels {
        let (name, file) = match wanted.split_once('=') {
            Some((name, file)) => (name, PathBuf::from(file)),
            None => (wanted.as_str(), kernels::ensure(wanted)?.vmlinuz),
        };
        let written = make(name, &file).with_context(|| format!("no fixture of {}", file.display()))?;
        say(&format!("{}: {} bytes", written.display(), fs::metadata(&written)?.len()));
    }
    Ok(())
}

/// Writes the fixture of one kernel after checking that it resolves exactly as the complete BTF does.
fn make(name: &str, file: &Path) -> Result<PathBuf> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let whole = Btf::parse(image::btf_of(bytes)?)?;
    let pruned = prune::prune(&whole)?;
    let small = Btf::parse(pruned.clone())?;
    if layout::resolve(&whole)?.findings != layout::resolve(&small)?.findings {
        bail!(
            "the pruned BTF resolves differently from the complete one: prune.rs removes something that is needed"
        );
    }
    if KernelFacts::read(&whole)? != KernelFacts::read(&small)? {
        bail!(
            "the pruned BTF gives other facts than the complete one: prune.rs removes something that is needed"
        );
    }
    let target = workspace::root().join("tests/btf").join(format!("{name}.btf"));
    fs::write(&target, pruned).with_context(|| format!("cannot write {}", target.display()))?;
    Ok(target)
}
