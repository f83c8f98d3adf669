//! Builds the eBPF objects that are committed in `oomtrace/ebpf`, and checks them against their sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use oomtrace_object::{Arch, Inputs, REBUILD, STAMP_FILE, Stamp, Toolchain, compile};

use crate::host::{run::say, setup, workspace};

/// `cargo xtask ebpf`
#[derive(Args)]
pub(crate) struct Arguments {
    /// Rebuild in a scratch directory and compare byte for byte; change nothing
    #[arg(long)]
    check: bool,
}

/// The extent of a check.
pub(crate) enum Checked {
    /// The objects were rebuilt and are equal byte for byte.
    Rebuilt,
    /// The stamp matches sources and objects. A rebuild was not possible, for this reason.
    StampOnly(String),
}

/// `cargo xtask ebpf`
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    if !arguments.check {
        return build();
    }
    match check()? {
        Checked::Rebuilt => say("the committed eBPF objects equal a rebuild of their sources byte for byte"),
        Checked::StampOnly(reason) => {
            say(&format!("object not rebuilt: {reason}; its stamp matches the sources"));
        }
    }
    Ok(())
}

/// Builds both objects and their stamp, unless they are up to date with the sources and the tools.
fn build() -> Result<()> {
    let (directory, inputs) = (directory(), inputs()?);
    let toolchain = setup::ebpf_toolchain()?;
    if is_current(&directory, &inputs, &toolchain) {
        say("the eBPF objects are up to date");
        return Ok(());
    }
    say("building the eBPF objects");
    let objects = compile_all(&toolchain, &workspace::target().join("ebpf"))?;
    ensure!(
        self::inputs()?.digest() == inputs.digest(),
        "the eBPF sources changed during the build: run it again"
    );
    let stamp =
        Stamp::new(&inputs, &toolchain, objects.iter().map(|(arch, bytes)| (*arch, bytes.as_slice())));
    fs::create_dir_all(&directory)?;
    for (arch, bytes) in &objects {
        write(&directory.join(arch.object_file()), bytes)?;
        say(&format!("{arch}: {} bytes", bytes.len()));
    }
    // Write the stamp last: until then, the old stamp rejects the new objects.
    write(&directory.join(STAMP_FILE), stamp.to_string().as_bytes())
}

fn is_current(directory: &Path, inputs: &Inputs, toolchain: &Toolchain) -> bool {
    let Ok(Some(stamp)) = Stamp::read(directory) else {
        return false;
    };
    let objects_fit = || Arch::ALL.into_iter().all(|arch| stamp.object(directory, arch).is_ok());
    stamp.is_of(inputs) && stamp.is_by(toolchain) && objects_fit()
}

/// Checks the stamp against sources and objects, and the objects against a rebuild if one is possible.
///
/// # Errors
/// If they differ. The error names the file and the command that repairs it.
pub(crate) fn check() -> Result<Checked> {
    let directory = directory();
    let stamp = Stamp::read(&directory)?
        .with_context(|| format!("{} contains no stamp: run `{REBUILD}`", directory.display()))?;
    ensure!(
        stamp.is_of(&inputs()?),
        "{}: the eBPF sources changed since the objects were built: run `{REBUILD}` and commit oomtrace/ebpf",
        directory.join(STAMP_FILE).display()
    );
    let committed = Arch::ALL.map(|arch| Ok((arch, fs::read(stamp.object(&directory, arch)?)?)));
    let committed = committed.into_iter().collect::<Result<Vec<_>>>()?;
    let toolchain = match setup::ebpf_toolchain() {
        Ok(toolchain) => toolchain,
        Err(error) => return Ok(Checked::StampOnly(format!("{error:#}"))),
    };
    if !stamp.is_by(&toolchain) {
        let reason =
            format!("it was built by rustc {}, this machine has {}", stamp.rustc(), toolchain.rustc());
        return Ok(Checked::StampOnly(reason));
    }
    rebuild(&toolchain, &committed)?;
    Ok(Checked::Rebuilt)
}

fn rebuild(toolchain: &Toolchain, committed: &[(Arch, Vec<u8>)]) -> Result<()> {
    say("rebuilding the eBPF objects to compare them");
    let scratch = tempfile::tempdir()?;
    for (arch, rebuilt) in compile_all(toolchain, scratch.path())? {
        let bytes = committed.iter().find(|(other, _)| *other == arch).map(|(_, bytes)| bytes.as_slice());
        compare(&directory().join(arch.object_file()), bytes.unwrap_or_default(), &rebuilt)?;
    }
    Ok(())
}

fn compare(path: &Path, committed: &[u8], rebuilt: &[u8]) -> Result<()> {
    if committed == rebuilt {
        return Ok(());
    }
    let same = committed.iter().zip(rebuilt).take_while(|(a, b)| a == b).count();
    bail!(
        "{} ({} bytes) differs from a rebuild of its sources ({} bytes): first difference at byte {same}. \
         Run `{REBUILD}` and commit oomtrace/ebpf",
        path.display(),
        committed.len(),
        rebuilt.len()
    )
}

/// Compiles for all architectures in one target directory, so that shared crates are compiled once.
fn compile_all(toolchain: &Toolchain, target: &Path) -> Result<Vec<(Arch, Vec<u8>)>> {
    let root = workspace::root();
    let one = |arch: Arch| Ok((arch, compile(&root, toolchain, arch, target)?));
    Arch::ALL.into_iter().map(one).collect()
}

fn inputs() -> Result<Inputs> {
    Inputs::read(&workspace::root())?.context("the eBPF sources are missing")
}

fn directory() -> PathBuf {
    workspace::root().join("oomtrace/ebpf")
}

/// Writes a file atomically.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, bytes)
        .and_then(|()| fs::rename(&unfinished, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_file_offset_and_command_of_a_difference() {
        let path = Path::new("oomtrace/ebpf/oomtrace-x86_64.o");
        compare(path, b"same", b"same").unwrap();
        let error = compare(path, b"same", b"sand!").unwrap_err().to_string();
        assert!(error.contains("oomtrace-x86_64.o (4 bytes)"), "{error}");
        assert!(error.contains("at byte 2") && error.contains("cargo xtask ebpf"), "{error}");
        assert!(compare(path, b"same", b"same and more").is_err());
    }
}
