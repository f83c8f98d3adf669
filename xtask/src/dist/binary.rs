//! The static, reproducible program. It runs on any distribution, in an empty container and in an initramfs.
//!
//! The standard library is compiled with it (`-Z build-std`), because there is no prebuilt one for aarch64, and because using
//! the same method for all platforms gives the same bytes on every machine with this compiler and C library.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use oomtrace_object::{FOREIGN_VARIABLES, directory_of_this_machine, renamed_directories, rustc_sysroot};

use super::{Release, moment};
use crate::host::{
    cross::is_static,
    platform::Platform,
    run::{run, say},
    setup,
};

/// Builds the program and returns its path.
pub(super) fn build(release: &Release, platform: Platform) -> Result<PathBuf> {
    setup::ebpf_toolchain().context("the source of Rust's standard library is missing")?;
    platform.install_linker()?;
    say(&format!("building oomtrace {} for {}", release.version, platform.triple));
    // The crates must exist before their directories can be renamed.
    run(cargo(release).args(["fetch", "--quiet", "--locked"]))?;
    let sysroot = rustc_sysroot()?;
    run(&mut cargo_build(release, platform, &sysroot))?;
    let path = release.target.join(platform.triple).join("release/oomtrace");
    check(release, &sysroot, &path)?;
    Ok(path)
}

fn cargo(release: &Release) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&release.root);
    FOREIGN_VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.env("RUSTC_BOOTSTRAP", "1").env(moment::VARIABLE, release.moment.to_string());
    command
}

fn cargo_build(release: &Release, platform: Platform, sysroot: &Path) -> Command {
    let mut command = cargo(release);
    command.args(["build", "--quiet", "--release", "--locked", "--package", "oomtrace", "--bin", "oomtrace"]);
    command.args(["--target", platform.triple, "-Z", "build-std=std,panic_abort"]);
    command.arg("--target-dir").arg(&release.target);
    command.env(platform.variable("LINKER"), platform.linker);
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(&renamed_directories(&release.root, sysroot)));
    command
}

/// The compiler's flags, in the form of `CARGO_ENCODED_RUSTFLAGS`.
fn flags(renamed: &[(PathBuf, &str)]) -> OsString {
    let mut flags = OsString::from("-Ctarget-feature=+crt-static");
    for (directory, name) in renamed {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(directory);
        flags.push(format!("={name}"));
    }
    flags
}

/// Rejects a program that needs a loader or contains directory names of this machine.
fn check(release: &Release, sysroot: &Path, path: &Path) -> Result<()> {
    let program = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let is_static =
        is_static(&program).with_context(|| format!("{} is not an ELF program", path.display()))?;
    ensure!(is_static, "{} is linked dynamically", path.display());
    let named = directory_of_this_machine(&release.root, sysroot, &program);
    ensure!(named.is_none(), "{} names {}", path.display(), named.unwrap_or_default());
    Ok(())
}
