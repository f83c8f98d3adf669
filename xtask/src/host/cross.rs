//! Builds static programs for this machine's architecture or another one.
//!
//! Another architecture needs a C compiler as linker and a static C library, both from Debian's packages, and Rust's standard
//! library. If rustup has not installed that library, cargo compiles it from source. Stable cargo does this only if it behaves
//! like a nightly one (`RUSTC_BOOTSTRAP`).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use object::{
    Endianness,
    elf::{FileHeader64, PT_INTERP},
    read::elf::{FileHeader as _, ProgramHeader as _},
};
use oomtrace_object::{Arch, rustc_sysroot};
use serde_json::Value;

use super::{platform::Platform, setup, workspace};

/// The parameters of a build.
pub(crate) struct Build<'a> {
    /// The architecture.
    pub(crate) arch: Arch,
    /// The packages whose programs are built.
    pub(crate) packages: &'a [&'a str],
    /// Further options of `cargo build`.
    pub(crate) options: &'a [&'a str],
    /// Settings of cargo's profile, as environment variables.
    pub(crate) profile: &'a [(&'a str, &'a str)],
}

impl Build<'_> {
    /// Builds the programs, linked statically, and returns their paths.
    ///
    /// # Errors
    /// If a tool is missing and cannot be installed, if cargo fails, or if a program needs libraries.
    pub(crate) fn run(&self) -> Result<Vec<PathBuf>> {
        let mut cargo = self.cargo();
        if Platform::of(self.arch).is_foreign() {
            prepare(&mut cargo, self.arch)?;
        }
        let output = cargo.stderr(Stdio::inherit()).output().context("starting cargo")?;
        let (packages, status) = (self.packages.join(", "), output.status);
        ensure!(status.success(), "building {packages} for {}: cargo exited with {status}", self.arch);
        let messages = output.stdout.split(|&byte| byte == b'\n');
        let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        let programs = messages.filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from));
        programs.map(|path| ensure_static(&path).map(|()| path)).collect()
    }

    fn cargo(&self) -> Command {
        let platform = Platform::of(self.arch);
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(workspace::root()).args([
            "build",
            "--quiet",
            "--locked",
            "--target",
            platform.triple,
        ]);
        cargo.args(["--message-format", "json-render-diagnostics"]);
        cargo.args(self.packages.iter().flat_map(|package| ["--package", package])).args(self.options);
        cargo.envs(self.profile.iter().copied());
        cargo.env(platform.variable("RUSTFLAGS"), "-Ctarget-feature=+crt-static");
        cargo
    }
}

/// The path of the program with this name.
///
/// # Errors
/// If there is none.
pub(crate) fn find<'a>(programs: &'a [PathBuf], name: &str) -> Result<&'a Path> {
    let found = programs.iter().find(|path| path.file_name().is_some_and(|file| file == name));
    found.map(PathBuf::as_path).with_context(|| format!("cargo built no {name}"))
}

/// Installs the missing tools for building for an architecture.
///
/// # Errors
/// If something cannot be installed. The error names it.
pub(crate) fn install(arch: Arch) -> Result<()> {
    let platform = Platform::of(arch);
    if !platform.is_foreign() {
        return Ok(());
    }
    platform.install_linker()?;
    if has_standard_library(arch)? { Ok(()) } else { setup::rust_library() }
}

/// Adds the settings for a foreign architecture.
fn prepare(cargo: &mut Command, arch: Arch) -> Result<()> {
    install(arch)?;
    let platform = Platform::of(arch);
    cargo.env(platform.variable("LINKER"), platform.linker);
    if !has_standard_library(arch)? {
        cargo.args(["-Z", "build-std=std,panic_abort"]).env("RUSTC_BOOTSTRAP", "1");
    }
    Ok(())
}

/// Whether the compiler has the standard library of an architecture.
fn has_standard_library(arch: Arch) -> Result<bool> {
    let library = rustc_sysroot()?.join("lib/rustlib").join(Platform::of(arch).triple).join("lib");
    Ok(library.is_dir())
}

/// Checks that a program needs no loader.
fn ensure_static(path: &Path) -> Result<()> {
    let program = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let is_static =
        is_static(&program).with_context(|| format!("{} is not an ELF program", path.display()))?;
    ensure!(
        is_static,
        "{} is linked dynamically; is the static C library (libc6-dev) installed?",
        path.display()
    );
    Ok(())
}

/// Whether no segment of an ELF program names a loader.
///
/// # Errors
/// If the file is not an ELF program.
pub(crate) fn is_static(program: &[u8]) -> object::Result<bool> {
    let header = FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, program)?;
    Ok(!segments.iter().any(|segment| segment.p_type(endian) == PT_INTERP))
}
