//! Debian's kernels by series, in a cache that all checkouts share.

mod fetch;
mod flavour;
mod series;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;
use oomtrace_object::Arch;
use serde::{Deserialize, Serialize};

use crate::host::{run::say, workspace};
use series::Series;

/// The file that is written last to a cached kernel's directory. A directory with it is complete.
const RECORD: &str = "kernel.json";

/// `cargo xtask kernels`
#[derive(Args)]
pub(crate) struct Arguments {
    /// Kernel series, such as 6.12; 6.12-rt with a flavour other than the cloud kernel; 7.2=sid with a Debian suite if none is
    /// known [default: all known]
    series: Vec<String>,
    /// Architecture of the kernels: x86_64 or aarch64
    #[arg(long, default_value_t = Arch::X86_64, value_parser = arch)]
    arch: Arch,
    /// Look for newer kernels than those in the cache
    #[arg(long)]
    refresh: bool,
}

/// A kernel that is ready to boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// The requested series: `6.12`, `6.12-16k`.
    pub(crate) series: String,
    /// Its architecture.
    pub(crate) arch: Arch,
    /// The output of `uname -r`.
    pub(crate) release: String,
    /// Debian's version of its package.
    pub(crate) version: String,
    /// The image.
    pub(crate) vmlinuz: PathBuf,
    /// The directory that is `/lib/modules/RELEASE` on an installed system. Absent if the suite does not have the package any
    /// more.
    pub(crate) modules: Option<PathBuf>,
}

/// The record of a fetched kernel in the cache.
#[derive(Serialize, Deserialize)]
struct Record {
    release: String,
    version: String,
    suite: String,
}

/// `cargo xtask kernels`
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    let all = || series::KNOWN.iter().map(|(series, _)| (*series).to_owned()).collect();
    let wanted: Vec<String> = if arguments.series.is_empty() { all() } else { arguments.series.clone() };
    for name in wanted {
        let kernel = get(&name, arguments.arch, arguments.refresh)?;
        println!("{}\t{}\t{}", kernel.series, kernel.release, kernel.vmlinuz.display());
    }
    Ok(())
}

/// The x86_64 kernel of a series, fetched if it is not in the cache. A cached kernel needs no network.
pub(crate) fn ensure(series: &str) -> Result<Kernel> {
    get(series, Arch::X86_64, false)
}

/// The same for an architecture.
pub(crate) fn ensure_for(arch: Arch, series: &str) -> Result<Kernel> {
    get(series, arch, false)
}

/// Parses the name of an architecture.
pub(crate) fn arch(name: &str) -> Result<Arch, String> {
    Arch::from_name(name).ok_or_else(|| format!("expected {}", Arch::ALL.map(Arch::name).join(" or ")))
}

fn get(series: &str, arch: Arch, look_for_newer: bool) -> Result<Kernel> {
    let series = Series::parse(series, arch)?;
    let kernels = workspace::cache()?.join("kernels");
    let cache = match arch {
        Arch::X86_64 => kernels,
        Arch::Aarch64 => kernels.join(arch.name()),
    };
    let _lock = lock(&cache, &series)?;
    let folder = cache.join(series.name());
    let cached = read(&series, &folder);
    match cached {
        Some(kernel) if !look_for_newer => Ok(kernel),
        cached => {
            let newest = fetch::newest(&series)
                .with_context(|| format!("no kernel {} from the suite {}", series.name(), series.suite()))?;
            if let Some(kernel) = cached.filter(|kernel| kernel.version == newest.version()) {
                return Ok(kernel);
            }
            say(&format!("fetching kernel {} from Debian's {}", newest.release(), series.suite()));
            newest.lay(&folder)?;
            read(&series, &folder).with_context(|| format!("{} is incomplete", folder.display()))
        }
    }
}

/// Takes the lock of a series. One process fetches it at a time; the others wait and find the kernel in the cache.
fn lock(cache: &Path, series: &Series) -> Result<File> {
    fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let path = cache.join(format!("{}.lock", series.name()));
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// The kernel in a directory of the cache, if it is complete.
fn read(series: &Series, folder: &Path) -> Option<Kernel> {
    let record: Record = serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()?;
    let modules = folder.join("modules");
    let vmlinuz = folder.join("vmlinuz");
    vmlinuz.is_file().then(|| Kernel {
        series: series.name().to_owned(),
        arch: series.arch(),
        release: record.release,
        version: record.version,
        vmlinuz,
        modules: modules.is_dir().then_some(modules),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_kernel_only_with_its_record() {
        let folder = tempfile::tempdir().unwrap();
        let series = Series::parse("6.12", Arch::X86_64).unwrap();
        fs::write(folder.path().join("vmlinuz"), "MZ").unwrap();
        assert_eq!(read(&series, folder.path()), None);
        let record = r#"{"release": "6.12.1-cloud-amd64", "version": "6.12.1-1", "suite": "trixie"}"#;
        fs::write(folder.path().join(RECORD), record).unwrap();
        let kernel = read(&series, folder.path()).unwrap();
        assert_eq!((kernel.release.as_str(), kernel.modules), ("6.12.1-cloud-amd64", None));
    }
}
