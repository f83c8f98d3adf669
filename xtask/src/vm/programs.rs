//! The programs of a guest, linked statically: a guest has no libraries.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::workspace;

/// The only target guests are made for.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Optimised enough for an emulated processor, quicker to build than a release; overflow checks stay on.
const PROFILE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "2"),
    ("CARGO_PROFILE_DEV_DEBUG", "false"),
    ("CARGO_PROFILE_DEV_STRIP", "symbols"),
];

/// The programs' bytes.
pub(crate) struct Programs {
    /// PID 1.
    pub(crate) guest: Vec<u8>,
    /// The memory program.
    pub(crate) hog: Vec<u8>,
    /// The tracer; none if a run goes without.
    pub(crate) tracer: Option<Vec<u8>>,
}

/// Build them.
pub(crate) fn build(with_tracer: bool) -> Result<Programs> {
    build_with(with_tracer, &[])
}

/// Build them with a tracer that goes wrong where it is told to.
pub(crate) fn build_with_faults() -> Result<Programs> {
    build_with(true, &["--features", "oomtrace/faults"])
}

/// Builds the tracer and lays it into a folder.
pub(crate) fn tracer_in(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("oomtrace");
    let bytes = build(true)?.tracer.context("no tracer was built")?;
    fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).context("making oomtrace executable")?;
    Ok(path)
}

fn build_with(with_tracer: bool, options: &[&str]) -> Result<Programs> {
    let built = cargo(with_tracer, options)?;
    let read = |name: &str| {
        let found = built.iter().find(|path| path.file_name().is_some_and(|file| file == name));
        read_static(found.with_context(|| format!("cargo built no {name}"))?)
    };
    let tracer = with_tracer.then(|| read("oomtrace")).transpose()?;
    Ok(Programs { guest: read("oomtrace-guest")?, hog: read("oomtrace-hog")?, tracer })
}

/// Have cargo build them; the paths of the executables.
fn cargo(with_tracer: bool, options: &[&str]) -> Result<Vec<PathBuf>> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root()).args(["build", "--quiet", "--locked", "--target", TARGET]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    cargo.args(["--package", "oomtrace-guest", "--package", "oomtrace-hog"]);
    cargo.args(with_tracer.then_some(["--package", "oomtrace"]).into_iter().flatten()).args(options);
    cargo
        .envs(PROFILE)
        .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    let output = cargo.stderr(Stdio::inherit()).output().context("starting cargo")?;
    ensure!(output.status.success(), "building the guest's programs: cargo ended with {}", output.status);
    let messages = output.stdout.split(|&byte| byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    Ok(messages.filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from)).collect())
}

/// Read a program, and make sure that it needs no loader.
fn read_static(path: &Path) -> Result<Vec<u8>> {
    let program = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let needs = needs_loader(&program).with_context(|| format!("{} is no ELF program", path.display()))?;
    ensure!(
        !needs,
        "{} is linked dynamically; is the static C library (libc6-dev) installed?",
        path.display()
    );
    Ok(program)
}

/// Whether a 64-bit ELF program has a `PT_INTERP` segment; `None` if it is none.
fn needs_loader(program: &[u8]) -> Option<bool> {
    const PT_INTERP: u32 = 3;
    program.starts_with(b"\x7fELF").then_some(())?;
    let table = usize::try_from(u64::from_le_bytes(*program.get(32..)?.first_chunk()?)).ok()?;
    let entry_size = usize::from(u16::from_le_bytes(*program.get(54..)?.first_chunk()?));
    let entries = usize::from(u16::from_le_bytes(*program.get(56..)?.first_chunk()?));
    let kind = |entry: usize| {
        let at = table.checked_add(entry.checked_mul(entry_size)?)?;
        Some(u32::from_le_bytes(*program.get(at..)?.first_chunk()?))
    };
    (0..entries).map(kind).try_fold(false, |found, kind| Some(found || kind? == PT_INTERP))
}
