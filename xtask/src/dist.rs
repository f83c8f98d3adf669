//! `cargo xtask dist`: builds all files of a release in `target/dist`. See `docs/releasing.md`.

mod archive;
mod binary;
mod check;
mod checksums;
mod moment;
mod package;
mod sbom;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use oomtrace_object::Arch;

use crate::host::{platform::Platform, run::say, workspace};

/// `cargo xtask dist`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The directory for the files, emptied first; `target/dist` by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only this architecture (x86_64, aarch64); repeatable
    #[arg(long, value_parser = arch)]
    arch: Vec<Arch>,
    /// Then check the release: build it a second time, and install, run and remove it (as root)
    #[arg(long)]
    check: bool,
    /// Only this check, on existing files; repeatable
    #[arg(long, requires = "check", value_parser = check::name)]
    only: Vec<String>,
}

/// Builds the files of a release, and checks them if that is requested.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    let out = arguments.out.clone().unwrap_or_else(|| workspace::target().join("dist"));
    let archs = if arguments.arch.is_empty() { Arch::ALL.to_vec() } else { arguments.arch.clone() };
    let release = Release::new(workspace::root(), workspace::target().join("dist-build"))?;
    if arguments.only.is_empty() {
        release.write(&archs, &out)?;
    }
    let built = check::Built { release: &release, archs: &archs, out: &out };
    if arguments.check { check::run(&built, &arguments.only) } else { Ok(()) }
}

/// A release of one checkout.
pub(crate) struct Release {
    /// The checkout.
    root: PathBuf,
    /// Cargo's target directory.
    target: PathBuf,
    /// The version in `Cargo.toml`.
    version: String,
    /// The modification time of all files, in seconds since 1970: the time of the commit.
    moment: i64,
}

impl Release {
    /// The release of the checkout in `root`, built below `target`.
    pub(crate) fn new(root: PathBuf, target: PathBuf) -> Result<Self> {
        let moment = moment::of(&root)?;
        Ok(Self { root, target, version: env!("CARGO_PKG_VERSION").to_owned(), moment })
    }

    /// Writes all files of some architectures, and finally their checksums.
    pub(crate) fn write(&self, archs: &[Arch], out: &Path) -> Result<()> {
        if out.exists() {
            fs::remove_dir_all(out).with_context(|| format!("cannot empty {}", out.display()))?;
        }
        fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
        for &arch in archs {
            self.write_one(Platform::of(arch), out).with_context(|| format!("building for {arch}"))?;
        }
        checksums::write(out)?;
        say(&format!("the release is in {}", out.display()));
        Ok(())
    }

    fn write_one(&self, platform: Platform, out: &Path) -> Result<()> {
        let binary = binary::build(self, platform)?;
        let name = self.name(platform);
        fs::copy(&binary, out.join(&name)).with_context(|| format!("cannot copy {}", binary.display()))?;
        archive::write(self, platform, &binary, &out.join(format!("{name}.tar.gz")))?;
        sbom::write(self, platform, &binary, &out.join(format!("{name}.cdx.json")))?;
        package::write(self, platform, out)
    }

    /// The name of a platform's files without a suffix: `oomtrace-0.2.0-x86_64-unknown-linux-gnu`.
    fn name(&self, platform: Platform) -> String {
        format!("oomtrace-{}-{}", self.version, platform.triple)
    }
}

fn arch(name: &str) -> Result<Arch, String> {
    Arch::from_name(name).ok_or_else(|| "expected x86_64 or aarch64".to_owned())
}
