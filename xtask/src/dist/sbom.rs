//! The bill of materials of a program: every crate that is compiled into it, as CycloneDX 1.5 JSON.
//!
//! It is made from `cargo metadata` and `Cargo.lock`. It has no serial number, has the commit's time and contains no path of
//! this machine, so the same commit gives the same bytes.

mod crates;
mod lock;

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};
use oomtrace_object::rustc_release;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use self::{crates::Crates, lock::Checksums};
use super::{Release, checksums};
use crate::host::{platform::Platform, run::output};

/// Writes it beside the program.
pub(super) fn write(release: &Release, platform: Platform, binary: &Path, to: &Path) -> Result<()> {
    let crates = Crates::read(&release.root, platform.triple)?;
    let checksums = Checksums::read(&release.root.join("Cargo.lock"))?;
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": metadata(release, platform, binary)?,
        "components": crates.components(&checksums),
        "dependencies": crates.dependencies(),
    });
    let text = format!("{}\n", serde_json::to_string_pretty(&document)?);
    fs::write(to, text).with_context(|| format!("cannot write {}", to.display()))
}

fn metadata(release: &Release, platform: Platform, binary: &Path) -> Result<Value> {
    let moment = OffsetDateTime::from_unix_timestamp(release.moment)?.format(&Rfc3339)?;
    let linker = output(Command::new(platform.linker).arg("--version"))?;
    let property = |name: &str, value: &str| json!({ "name": format!("oomtrace:{name}"), "value": value });
    Ok(json!({
        "timestamp": moment,
        "component": {
            "type": "application",
            "bom-ref": crates::reference("oomtrace", &release.version),
            "name": "oomtrace",
            "version": release.version,
            "purl": crates::reference("oomtrace", &release.version),
            "hashes": [{ "alg": "SHA-256", "content": checksums::of(binary)? }],
        },
        "properties": [
            property("target", platform.triple),
            property("rustc", &rustc_release()?),
            property("linker", linker.lines().next().unwrap_or_default()),
            property("libc", &libc_version(platform)?),
        ],
    }))
}

/// The linked C library, such as `glibc 2.36`. A rebuild needs the same one.
fn libc_version(platform: Platform) -> Result<String> {
    let mut compiler = Command::new(platform.linker);
    let macros = output(compiler.args(["-E", "-dM", "-include", "features.h", "-x", "c", "/dev/null"]))?;
    let value =
        |name: &str| macros.lines().find_map(|line| line.strip_prefix("#define ")?.strip_prefix(name));
    let number = |name: &str| value(name).map(str::trim).context("the C library has no version");
    Ok(format!("glibc {}.{}", number("__GLIBC__ ")?, number("__GLIBC_MINOR__ ")?))
}
