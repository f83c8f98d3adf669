//! Finds the tools that build an object.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{BPF_LINKER_VERSION, Error, Result};

/// The project's own directory for tools, below the workspace. It is not below `target`, so `cargo clean` keeps it.
pub const TOOLS_DIRECTORY: &str = ".tools";

/// A file beside the standard library's source that names the source's compiler. `cargo xtask setup` writes it. rustup writes
/// none, because it keeps its own source in step with the compiler.
pub const LIBRARY_MARK: &str = ".oomtrace-rustc";

/// The tools that build an object from source, found on this machine.
#[derive(Clone, Debug)]
pub struct Toolchain {
    rustc: String,
    pub(crate) sysroot: PathBuf,
    pub(crate) linker: PathBuf,
}

impl Toolchain {
    /// Finds the compiler in use, the source of its `core`, and bpf-linker. The workspace's tools directory comes before
    /// `PATH`.
    ///
    /// # Errors
    /// [`Error::Tool`] names the first tool that is missing or has another version.
    pub fn find(workspace: &Path) -> Result<Self> {
        let sysroot = rustc_sysroot()?;
        require_library(&sysroot, &rustc_release()?)?;
        Ok(Self { rustc: one_line(&rustc_version()?), sysroot, linker: find_linker(workspace)? })
    }

    /// The compiler in one line: version, commit, LLVM, host.
    #[must_use]
    pub fn rustc(&self) -> &str {
        &self.rustc
    }

    /// The linker in one line.
    #[must_use]
    pub fn linker_version(&self) -> String {
        format!("bpf-linker {BPF_LINKER_VERSION}")
    }
}

/// The value of a key in `rustc -vV`, such as `release`.
fn value<'a>(version: &'a str, key: &str) -> &'a str {
    version.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).unwrap_or("unknown")
}

/// The version of the compiler that cargo uses, such as `1.95.0`.
///
/// # Errors
/// If there is no compiler.
pub fn rustc_release() -> Result<String> {
    Ok(value(&rustc_version()?, "release").to_owned())
}

fn rustc_version() -> Result<String> {
    output(Command::new(rustc()).arg("-vV"))
}

/// The directory that contains the compiler's own libraries.
///
/// # Errors
/// If there is no compiler.
pub fn rustc_sysroot() -> Result<PathBuf> {
    Ok(output(Command::new(rustc()).args(["--print", "sysroot"]))?.trim_end().into())
}

pub(crate) fn rustc() -> OsString {
    env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

fn one_line(version: &str) -> String {
    let first = version.lines().next().unwrap_or_default().trim_start_matches("rustc ");
    format!("{first}, LLVM {}, {}", value(version, "LLVM version"), value(version, "host"))
}

/// Checks that the source of the standard library exists below the sysroot and belongs to this compiler. The `core` of another
/// version does not compile, or compiles to a different object.
///
/// # Errors
/// [`Error::Tool`] if the source is missing or stale.
pub fn require_library(sysroot: &Path, release: &str) -> Result<()> {
    let library = sysroot.join("lib/rustlib/src/rust/library");
    let laid_for = fs::read_to_string(library.join(LIBRARY_MARK)).ok();
    let is_stale = laid_for.is_some_and(|laid_for| laid_for.trim() != release);
    if is_stale || !library.join("Cargo.lock").is_file() || !library.join("core/src/lib.rs").is_file() {
        let what = format!("no source of rustc {release}'s `core` library in {}", library.display());
        return Err(Error::Tool { what });
    }
    Ok(())
}

/// Finds bpf-linker of the right version. The workspace's tools directory comes before `PATH`.
///
/// # Errors
/// [`Error::Tool`] if there is none.
pub fn find_linker(workspace: &Path) -> Result<PathBuf> {
    let own = workspace.join(TOOLS_DIRECTORY).join("bin");
    let on_path = env::var_os("PATH").unwrap_or_default();
    [own]
        .into_iter()
        .chain(env::split_paths(&on_path))
        .map(|directory| directory.join("bpf-linker"))
        .find(|path| is_right_linker(path))
        .ok_or_else(|| Error::Tool { what: format!("no bpf-linker {BPF_LINKER_VERSION}") })
}

fn is_right_linker(path: &Path) -> bool {
    path.is_file()
        && output(Command::new(path).arg("--version"))
            .is_ok_and(|text| text.trim() == format!("bpf-linker {BPF_LINKER_VERSION}"))
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| Error::Start { program: program.clone(), source })?;
    if !output.status.success() {
        return Err(Error::Failed { command: program, status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n\
                           release: 1.95.0\nLLVM version: 22.1.2\n";

    #[test]
    fn describes_the_compiler_in_one_line() {
        let line = "1.95.0 (59807616e 2026-04-14), LLVM 22.1.2, x86_64-unknown-linux-gnu";
        assert_eq!(one_line(VERSION), line);
    }

    #[test]
    fn rejects_the_library_of_another_compiler() {
        let sysroot = tempfile::tempdir().unwrap();
        let library = sysroot.path().join("lib/rustlib/src/rust/library");
        assert!(require_library(sysroot.path(), "1.95.0").is_err());
        fs::create_dir_all(library.join("core/src")).unwrap();
        fs::write(library.join("Cargo.lock"), "").unwrap();
        fs::write(library.join("core/src/lib.rs"), "").unwrap();
        require_library(sysroot.path(), "1.95.0").unwrap();
        fs::write(library.join(LIBRARY_MARK), "1.95.0\n").unwrap();
        require_library(sysroot.path(), "1.95.0").unwrap();
        fs::write(library.join(LIBRARY_MARK), "1.94.0\n").unwrap();
        assert!(require_library(sysroot.path(), "1.95.0").is_err());
    }
}
