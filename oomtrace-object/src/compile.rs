//! Compiles an object with the pinned toolchain.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Arch, Error, Result, Toolchain, recipe, strip_debug, toolchain};

/// Environment variables that would change the result of cargo. A build script inherits many of them from its own cargo.
pub const FOREIGN_VARIABLES: [&str; 9] = [
    "RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_DIR",
    "CARGO_INCREMENTAL",
];

/// Compiles the object for one architecture, with `target` as cargo's target directory. Cargo prints to standard error; this
/// function prints nothing.
///
/// # Errors
/// If the sources do not compile, or if the result contains a directory name of this machine.
pub fn compile(workspace: &Path, toolchain: &Toolchain, arch: Arch, target: &Path) -> Result<Vec<u8>> {
    loop {
        let registries = registries();
        build(workspace, toolchain, arch, target)?;
        // Cargo may have downloaded from a registry that did not exist at the start; its directory was then not renamed.
        if registries == self::registries() {
            break;
        }
    }
    let path = target.join(recipe::TARGET).join("ebpf/oomtrace");
    let linked = fs::read(&path).map_err(Error::file("read", &path))?;
    let object = strip_debug(&linked)?;
    refuse_paths(workspace, toolchain, arch, &object)?;
    Ok(object)
}

fn build(workspace: &Path, toolchain: &Toolchain, arch: Arch, target: &Path) -> Result<()> {
    let mut command = cargo(workspace, toolchain, arch, "build");
    command.arg("--bins").arg("--target-dir").arg(target);
    let status = command.status().map_err(|source| Error::Start { program: "cargo".to_owned(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: format!("cargo build --package oomtrace-ebpf (for {arch})"), status })
}

/// Builds the cargo command (`build`, `clippy`) for the eBPF crate of one architecture. It sets the target, the profile, the
/// flags, `core` from source, and the paths of the linker and LLVM.
#[must_use]
pub fn cargo(workspace: &Path, toolchain: &Toolchain, arch: Arch, subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace).stdin(Stdio::null()).stdout(Stdio::null());
    command.args([subcommand, "--quiet", "--locked", "--package", "oomtrace-ebpf"]);
    command.args(["--target", recipe::TARGET, "--profile", "ebpf"]).args(recipe::BUILD_STD);
    for setting in recipe::PROFILE {
        command.arg("--config").arg(format!("profile.ebpf.{setting}"));
    }
    FOREIGN_VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.env("RUSTC", toolchain::rustc()).env("RUSTC_BOOTSTRAP", "1");
    command.env(
        "CARGO_ENCODED_RUSTFLAGS",
        recipe::rustflags(arch, &renamed_directories(workspace, &toolchain.sysroot)),
    );
    // Cargo finds the linker through `PATH`: an option would change cargo's hashes. The linker opens the compiler's LLVM.
    command.env("PATH", prepended("PATH", toolchain.linker.parent()));
    command.env("LD_LIBRARY_PATH", prepended("LD_LIBRARY_PATH", Some(&toolchain.sysroot.join("lib"))));
    command
}

/// Directories whose names must not get into a compiled file, each with the name that `--remap-path-prefix` puts there instead.
/// `sysroot` belongs to the compiler.
#[must_use]
pub fn renamed_directories(workspace: &Path, sysroot: &Path) -> Vec<(PathBuf, &'static str)> {
    let registries = registries().into_iter().map(|directory| (directory, recipe::REGISTRY_AS));
    let library = sysroot.join("lib/rustlib/src/rust");
    [(workspace.to_owned(), recipe::WORKSPACE_AS), (library, recipe::SYSROOT_AS)]
        .into_iter()
        .chain(registries)
        .collect()
}

/// The directories into which cargo unpacked the crates of registries. Their names contain the registry's host.
fn registries() -> Vec<PathBuf> {
    let directory = cargo_home().join("registry/src");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut directories: Vec<_> = entries.map(|entry| entry.path()).collect();
    directories.sort();
    directories
}

fn cargo_home() -> PathBuf {
    let default = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(default, PathBuf::from)
}

fn prepended(variable: &str, directory: Option<&Path>) -> std::ffi::OsString {
    let old = env::var_os(variable).unwrap_or_default();
    let directories = directory.map(Path::to_owned).into_iter().chain(env::split_paths(&old));
    // Such a list cannot hold a directory with a colon in its name. The variable then keeps its old value.
    env::join_paths(directories).unwrap_or(old)
}

/// Rejects an object that contains a directory name of this machine: the object would differ on every other machine.
fn refuse_paths(workspace: &Path, toolchain: &Toolchain, arch: Arch, object: &[u8]) -> Result<()> {
    match directory_of_this_machine(workspace, &toolchain.sysroot, object) {
        Some(path) => Err(Error::Path { arch: arch.name(), path }),
        None => Ok(()),
    }
}

/// The name of a directory of this machine in a compiled file: the workspace, the compiler's directory or cargo's.
#[must_use]
pub fn directory_of_this_machine(workspace: &Path, sysroot: &Path, compiled: &[u8]) -> Option<String> {
    let directories = [workspace, sysroot, &cargo_home()].map(|path| path.display().to_string());
    let stands_in = |path: &String| path.len() > 1 && contains(compiled, path.as_bytes());
    let is_own_name = |path: &String| recipe::WORKSPACE_AS.starts_with(path.as_str());
    directories.into_iter().filter(|path| !is_own_name(path)).find(stands_in)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
