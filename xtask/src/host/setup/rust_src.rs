//! Gets the source of Rust's `core` library for exactly the compiler in use. `core` must be compiled for the eBPF target,
//! because there is no prebuilt one.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use oomtrace_object::{Arch, LIBRARY_MARK, require_library, rustc_release, rustc_sysroot};

use crate::host::{
    debian::{self, Suite},
    run::{run_within, say},
};

/// Debian suites that may hold the `rust-src` package of a current compiler, likely ones first.
const SUITES: [&str; 4] = ["trixie-backports", "forky", "sid", "experimental"];

/// The time limit of rustup: longer than it takes on a slow connection.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// Gets the library's source from rustup, or else from Debian's package of the same version.
pub(super) fn ensure() -> Result<()> {
    let (release, sysroot) = (rustc_release()?, rustc_sysroot()?);
    if require_library(&sysroot, &release).is_ok() {
        return Ok(());
    }
    say(&format!("getting the source of rustc {release}'s `core` library"));
    let Err(by_rustup) = by_rustup(&release, &sysroot) else {
        return Ok(());
    };
    say(&format!("rustup failed ({by_rustup:#}); trying Debian's rust-src package"));
    by_debian(&release, &sysroot)
}

fn by_rustup(release: &str, sysroot: &Path) -> Result<()> {
    let toolchain = rustup_toolchain(sysroot).context("this compiler is not rustup's")?;
    let mut rustup = Command::new("rustup");
    rustup.args(["component", "add", "rust-src", "--toolchain", &toolchain]);
    // A failure of rustup is not a bug in a program, and a backtrace would only hide the reason.
    rustup.env("RUST_BACKTRACE", "0");
    run_within(RUSTUP_LIMIT, &mut rustup)?;
    Ok(require_library(sysroot, release)?)
}

/// The name of the compiler in rustup: the name of its directory in `toolchains`.
fn rustup_toolchain(sysroot: &Path) -> Option<String> {
    let is_rustups = sysroot.parent()?.file_name()? == "toolchains";
    is_rustups.then(|| sysroot.file_name()?.to_str().map(str::to_owned))?
}

fn by_debian(release: &str, sysroot: &Path) -> Result<()> {
    let mut reasons = Vec::new();
    for name in SUITES {
        match from_suite(name, release, sysroot) {
            Ok(version) => {
                say(&format!("installed rust-src {version} of {name} below {}", sysroot.display()));
                return Ok(());
            }
            Err(error) => reasons.push(format!("{error:#}")),
        }
    }
    Err(anyhow!("cannot get Debian's rust-src package: {}", reasons.join("; ")))
}

/// Fetches and unpacks the package of one suite. Returns its Debian version.
fn from_suite(name: &str, release: &str, sysroot: &Path) -> Result<String> {
    // The package is for all architectures, so any index contains it.
    let suite = Suite::open(name, Arch::X86_64)?;
    let versions = suite.versions("rust-src")?;
    let version = versions.into_iter().find(|version| debian::upstream(version) == release);
    let version = version.with_context(|| format!("{name} has no rust-src {release}"))?;
    let scratch = tempfile::tempdir()?;
    let package = suite.download("rust-src", &version, scratch.path())?;
    lay(&package, release, sysroot)?;
    Ok(version)
}

/// Unpacks the package's `library` beside its final place and then renames it, so that it is never there in part.
fn lay(package: &Path, release: &str, sysroot: &Path) -> Result<()> {
    let parent = sysroot.join("lib/rustlib/src/rust");
    let scratch = scratch_beside(&parent)?;
    let inside = format!("./usr/src/rustc-{release}/library");
    debian::unpack_folder(package, &inside, scratch.path())?;
    let unpacked = scratch.path().join("library");
    fs::write(unpacked.join(LIBRARY_MARK), format!("{release}\n"))?;
    let library = parent.join("library");
    if library.exists() {
        fs::rename(&library, scratch.path().join("old"))?;
    }
    fs::rename(unpacked, library)?;
    Ok(())
}

fn scratch_beside(parent: &Path) -> Result<tempfile::TempDir> {
    fs::create_dir_all(parent)
        .and_then(|()| tempfile::Builder::new().prefix(".oomtrace-").tempdir_in(parent))
        .with_context(|| {
            format!("cannot write to {}: run this once as the compiler's owner", parent.display())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_rustups_compilers_by_their_directory() {
        let name = |path| rustup_toolchain(Path::new(path));
        assert_eq!(name("/home/a/.rustup/toolchains/stable-x86_64"), Some("stable-x86_64".to_owned()));
        assert_eq!(name("/usr"), None);
        assert_eq!(name("/opt/rust"), None);
    }
}
