//! Checks the crates as the registry would have them: each builds from its package alone, and cargo installs the program from
//! them.

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::Built;
use crate::{
    dist::Release,
    host::run::{output, run},
};

/// The crates in the order of publication: each precedes those that depend on it.
const CRATES: [&str; 3] = ["oomtrace-common", "oomtrace-object", "oomtrace"];

pub(super) fn check(built: &Built<'_>) -> Result<()> {
    let release = built.release;
    let scratch = tempfile::tempdir()?;
    let mut package = cargo(&release.root);
    package.args(["package", "--quiet", "--locked", "--allow-dirty", "--target-dir"]).arg(scratch.path());
    // Cargo builds each package after creating it.
    run(package.args(CRATES.iter().flat_map(|name| ["--package", name])))?;
    let source = unpack(release, scratch.path())?;
    let objects = fs::read_dir(source.join("oomtrace/ebpf"))?.count();
    ensure!(
        objects == 3,
        "the package has {objects} files of the eBPF objects, not the stamp and two objects"
    );
    installs(release, &source)
}

/// Unpacks the packages into one directory outside the workspace.
fn unpack(release: &Release, target: &Path) -> Result<std::path::PathBuf> {
    let directory = target.join("unpacked");
    for name in CRATES {
        let to = directory.join(name);
        fs::create_dir_all(&to)?;
        let archive = target.join("package").join(format!("{name}-{}.crate", release.version));
        let mut tar = Command::new("tar");
        run(tar
            .args(["--extract", "--strip-components=1", "--file"])
            .arg(archive)
            .arg("--directory")
            .arg(to))?;
    }
    Ok(directory)
}

/// Installs as `cargo install oomtrace` would, with the other packages in place of the registry's. The lock file names the
/// registry's packages, so it cannot be used.
fn installs(release: &Release, source: &Path) -> Result<()> {
    let root = source.join("installed");
    let mut install = cargo(source);
    install.args(["install", "--quiet", "--path", "oomtrace", "--root"]).arg(&root);
    for name in CRATES.iter().filter(|name| **name != "oomtrace") {
        let path = source.join(name);
        install.arg("--config").arg(format!("patch.crates-io.{name}.path={path:?}"));
    }
    run(&mut install)?;
    let said = output(Command::new(root.join("bin/oomtrace")).arg("--version"))
        .context("running the installed program")?;
    ensure!(said.trim() == format!("oomtrace {}", release.version), "unexpected version: {said}");
    Ok(())
}

fn cargo(directory: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(directory);
    command
}
