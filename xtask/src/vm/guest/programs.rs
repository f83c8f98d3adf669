//! The programs of a guest, linked statically because a guest has no libraries.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use oomtrace_object::Arch;

use crate::host::cross::{self, Build};
use crate::host::workspace;

/// A profile that is fast enough for an emulated processor and builds faster than a release. Overflow checks stay on.
const PROFILE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "2"),
    ("CARGO_PROFILE_DEV_DEBUG", "false"),
    ("CARGO_PROFILE_DEV_STRIP", "symbols"),
];

/// The memory program keeps its symbols, so that reports can name its functions.
const HOG_SYMBOLS: [&str; 2] = ["--config", "profile.dev.package.oomtrace-hog.strip='debuginfo'"];

/// The program that damages recordings.
const FUZZ: &str = "oomtrace-fuzz";

/// The programs' bytes.
#[derive(Clone)]
pub(crate) struct Programs {
    /// PID 1.
    pub(crate) guest: Vec<u8>,
    /// The memory program.
    pub(crate) hog: Vec<u8>,
    /// The tracer. Absent for runs without a tracer.
    pub(crate) tracer: Option<Vec<u8>>,
    /// The path of the program of `cargo xtask fuzz`. It shares the library with the tracer, which takes minutes to compile. Absent
    /// for other architectures, deliberate faults and runs without a tracer.
    pub(crate) fuzz: Option<PathBuf>,
}

/// Build them for x86_64.
pub(crate) fn build(with_tracer: bool) -> Result<Programs> {
    build_for(Arch::X86_64, with_tracer)
}

/// Build them for an architecture. Those for x86_64 with a tracer are built once: the sources do not change meanwhile, and cargo would
/// wait for the builds that run at the same time.
pub(crate) fn build_for(arch: Arch, with_tracer: bool) -> Result<Programs> {
    static BUILT: Mutex<Option<Programs>> = Mutex::new(None);
    if arch != Arch::X86_64 || !with_tracer {
        return build_with(arch, with_tracer, &[]);
    }
    // A second caller waits here until the first has built them.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    match &*built {
        Some(programs) => Ok(programs.clone()),
        None => Ok(built.insert(build_with(arch, true, &[])?).clone()),
    }
}

/// Build them with a tracer that supports deliberate faults.
pub(crate) fn build_with_faults(arch: Arch) -> Result<Programs> {
    build_with(arch, true, &["--features", "oomtrace/faults"])
}

/// Builds the tracer and writes it to a directory.
pub(crate) fn tracer_in(directory: &Path) -> Result<PathBuf> {
    let path = directory.join("oomtrace");
    let bytes = build(true)?.tracer.context("no tracer was built")?;
    fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).context("making oomtrace executable")?;
    Ok(path)
}

fn build_with(arch: Arch, with_tracer: bool, options: &[&str]) -> Result<Programs> {
    let built = compiled(arch, with_tracer, options)?;
    let read = |name: &str| {
        let path = cross::find(&built, name)?;
        fs::read(path).with_context(|| format!("reading {}", path.display()))
    };
    let tracer = with_tracer.then(|| read("oomtrace")).transpose()?;
    let fuzz = cross::find(&built, FUZZ).ok().map(Path::to_path_buf);
    Ok(Programs { guest: read("oomtrace-guest")?, hog: read("oomtrace-hog")?, tracer, fuzz })
}

/// The paths of the programs. Their directory is their own, so that cargo does not wait for builds of other kinds.
fn compiled(arch: Arch, with_tracer: bool, options: &[&str]) -> Result<Vec<PathBuf>> {
    let tracer = with_tracer.then_some("oomtrace");
    let fuzz = (with_tracer && arch == Arch::X86_64 && options.is_empty()).then_some(FUZZ);
    let packages: Vec<&str> =
        ["oomtrace-guest", "oomtrace-hog"].into_iter().chain(tracer).chain(fuzz).collect();
    let directory = workspace::target().join("guests");
    let directory = ["--target-dir", directory.to_str().context("the target directory's name is not UTF-8")?];
    let options: Vec<&str> = HOG_SYMBOLS.iter().chain(&directory).chain(options).copied().collect();
    Build { arch, packages: &packages, options: &options, profile: &PROFILE }.run()
}
