//! `cargo xtask dist --check`: uses a release as its users do.
//!
//! The checks install, run and remove the built files in places without Rust: Debian root directories, guests, containers.

mod again;
mod arch;
mod crates;
mod deb;
mod image;
mod initramfs;
mod manifest;
mod privileges;
mod rpm;
mod service;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use oomtrace_object::Arch;

use super::Release;
use crate::{
    host::{platform::Platform, run, setup},
    test::Tally,
};

/// Debian's packages with the programs that the checks need.
const PACKAGES: [&str; 10] = [
    "mmdebstrap",
    "e2fsprogs",
    "podman",
    "runc",
    "rpm",
    "python3-venv",
    "busybox-static",
    "makepkg",
    "libarchive-tools",
    "fakeroot",
];

/// A check: its name in `--only`, what it shows, and its function.
type Check = (&'static str, &'static str, fn(&Built<'_>) -> Result<()>);

/// All checks, quick ones first.
const CHECKS: [Check; 11] = [
    ("rpm", "rpm reads, installs, verifies and erases the rpm", rpm::check),
    ("arch", "makepkg makes a package of the archive", arch::check),
    ("manifest", "the Kubernetes manifest is valid", manifest::check),
    ("initramfs", "check, demo and a kill in an otherwise empty initramfs", initramfs::check),
    ("image", "a kill in another container is reported with its name", image::check),
    ("privileges", "without each privilege, reports lack what docs/install.md lists", privileges::check),
    ("bookworm", "deb: installed, used, upgraded, removed and purged on Debian 12", deb::on_bookworm),
    ("trixie", "deb: installed, used, upgraded, removed and purged on Debian 13", deb::on_trixie),
    ("service", "the service under systemd: a kill, an upgrade, removal", service::check),
    ("crates", "each crate builds alone, and cargo installs the program from them", crates::check),
    ("again", "a second build elsewhere gives the same bytes", again::check),
];

/// A release whose files exist.
pub(super) struct Built<'a> {
    pub(super) release: &'a Release,
    /// The architectures of the release.
    pub(super) archs: &'a [Arch],
    /// The directory of its files.
    pub(super) out: &'a Path,
}

/// Runs the checks with these names, or all. Fails if one of them fails.
pub(super) fn run(built: &Built<'_>, only: &[String]) -> Result<()> {
    ensure!(setup::is_root()?, "--check installs packages in root directories of their own: run it as root");
    setup::apt(&PACKAGES)?;
    let mut tally = Tally::default();
    for (name, shows, check) in CHECKS {
        if only.is_empty() || only.iter().any(|chosen| chosen == name) {
            run::say(&format!("{name}: {shows}"));
            tally.count(name, check(built));
        }
    }
    println!("{}", tally.render());
    ensure!(tally.is_green(), "the release must not be published: a check failed");
    Ok(())
}

/// Parses a check's name in `--only`.
pub(super) fn name(name: &str) -> Result<String, String> {
    let known: Vec<&str> = CHECKS.iter().map(|(name, ..)| *name).collect();
    let is_known = known.contains(&name);
    is_known.then(|| name.to_owned()).ok_or_else(|| format!("expected one of {}", known.join(", ")))
}

impl Built<'_> {
    /// The static program of x86_64, without its directory.
    fn program_name(&self) -> String {
        self.release.name(Platform::of(Arch::X86_64))
    }

    /// The only file of the release whose name ends with `ending`.
    fn file(&self, ending: &str) -> Result<PathBuf> {
        let paths = std::fs::read_dir(self.out)?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut found = paths.filter(|path| path.to_string_lossy().ends_with(ending));
        found.next().with_context(|| format!("{} has no file *{ending}", self.out.display()))
    }
}

/// Runs a shell script in this directory and shows its output.
fn shell(script: &str, arguments: &[&Path]) -> Result<()> {
    run::run(Command::new("sh").args(["-euc", script, "sh"]).args(arguments))
}
