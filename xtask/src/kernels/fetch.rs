//! Fetches a kernel's packages and unpacks them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::{RECORD, Record, series::Series};
use crate::host::debian::{self, Suite};

/// The parts of a kernel. Up to 6.18 it is one package, the image. Later kernels are split into four, with an empty image. A
/// suite may keep only some parts of older kernels.
const PARTS: [&str; 4] = ["image", "binary", "base", "modules"];

/// The newest kernel of a series in its suite.
pub(super) struct Newest {
    suite: Suite,
    record: Record,
}

/// Finds it. Only the suite's index is fetched.
pub(super) fn newest(series: &Series) -> Result<Newest> {
    let suite = Suite::open(series.suite(), series.arch())?;
    let names = suite.names("linux-")?;
    let releases = names.iter().filter_map(|name| series.release_in(name));
    let newest = releases.max_by_key(|release| (is_whole(release, &names), numbers(release)));
    let release = newest.context("its index names none")?.to_owned();
    let versions = suite.versions(&format!("linux-image-{release}"))?;
    let version =
        versions.first().with_context(|| format!("its index names no version of {release}"))?.clone();
    Ok(Newest { suite, record: Record { release, version, suite: series.suite().to_owned() } })
}

/// Whether the suite still has the modules of a split kernel.
fn is_whole(release: &str, names: &[String]) -> bool {
    let has = |part: &str| names.contains(&format!("linux-{part}-{release}"));
    !has("binary") || has("modules")
}

/// The numbers of a release, whose order is the order of releases: 6.12.99 comes before 6.12.107.
fn numbers(release: &str) -> Vec<u64> {
    release.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

impl Newest {
    pub(super) fn release(&self) -> &str {
        &self.record.release
    }

    pub(super) fn version(&self) -> &str {
        &self.record.version
    }

    /// Fetches the packages and writes the kernel to a directory atomically.
    pub(super) fn lay(&self, folder: &Path) -> Result<()> {
        let parent = folder.parent().context("a cache folder has a parent")?;
        let scratch = tempfile::Builder::new().prefix(".fetching-").tempdir_in(parent)?;
        let (raw, ready) = (scratch.path().join("raw"), scratch.path().join("ready"));
        fs::create_dir(&ready)?;
        self.unpack(scratch.path(), &raw)?;
        arrange(&raw, &self.record.release, &ready)?;
        fs::write(ready.join(RECORD), serde_json::to_vec_pretty(&self.record)?)?;
        if folder.exists() {
            fs::rename(folder, scratch.path().join("old"))?;
        }
        Ok(fs::rename(ready, folder)?)
    }

    fn unpack(&self, scratch: &Path, raw: &Path) -> Result<()> {
        for part in PARTS {
            let package = format!("linux-{part}-{}", self.record.release);
            let Some(version) = self.suite.versions(&package)?.into_iter().next() else {
                continue;
            };
            let file = self.suite.download(&package, &version, scratch)?;
            debian::unpack(&file, raw)?;
            fs::remove_file(file)?;
        }
        Ok(())
    }
}

/// Converts the two layouts, `/boot` with `/lib/modules` and all in `/usr/lib/modules`, into one.
fn arrange(raw: &Path, release: &str, ready: &Path) -> Result<()> {
    let trees: Vec<_> = ["lib/modules", "usr/lib/modules"].map(|tree| raw.join(tree).join(release)).into();
    for name in ["vmlinuz", "config"] {
        let places = trees.iter().map(|tree| tree.join(name));
        let boot = raw.join("boot").join(format!("{name}-{release}"));
        if let Some(path) = places.chain([boot]).find(|path| path.is_file()) {
            fs::rename(path, ready.join(name))?;
        }
    }
    if !ready.join("vmlinuz").is_file() {
        bail!("the packages of {release} contain no vmlinuz");
    }
    let has_modules = |tree: &&PathBuf| tree.join("kernel").is_dir();
    if let Some(tree) = trees.iter().find(has_modules) {
        fs::rename(tree, ready.join("modules"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_releases_by_number() {
        let mut releases =
            ["6.12.107+deb13-cloud-amd64", "6.12.9+deb13-cloud-amd64", "6.12.99+deb13-cloud-amd64"];
        releases.sort_by_key(|release| numbers(release));
        assert!(releases[0].starts_with("6.12.9+") && releases[2].starts_with("6.12.107"));
        assert!(numbers("5.10.0-32-cloud-amd64") > numbers("5.10.0-9-cloud-amd64"));
    }

    #[test]
    fn prefers_an_older_kernel_with_modules_to_a_newer_one_without() {
        let names =
            ["linux-binary-7.0.9-x", "linux-modules-7.0.9-x", "linux-binary-7.0.10-x", "linux-image-6.1-x"];
        let names = names.map(str::to_owned);
        let whole = ["7.0.9-x", "7.0.10-x", "6.1-x"].map(|release| is_whole(release, &names));
        assert_eq!(whole, [true, false, true]);
    }

    fn arranged(files: &[&str]) -> Result<Vec<String>> {
        let scratch = tempfile::tempdir()?;
        let (raw, ready) = (scratch.path().join("raw"), scratch.path().join("ready"));
        for file in files {
            let path = raw.join(file);
            fs::create_dir_all(path.parent().unwrap())?;
            fs::write(path, "")?;
        }
        fs::create_dir(&ready)?;
        arrange(&raw, "6.1-x", &ready)?;
        let mut names: Vec<_> =
            fs::read_dir(&ready)?.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        Ok(names)
    }

    #[test]
    fn converts_both_layouts_into_one() {
        let old = ["boot/vmlinuz-6.1-x", "boot/config-6.1-x", "lib/modules/6.1-x/kernel/a.ko"];
        let new = [
            "usr/lib/modules/6.1-x/vmlinuz",
            "usr/lib/modules/6.1-x/config",
            "usr/lib/modules/6.1-x/kernel/a.ko",
        ];
        for layout in [old, new] {
            assert_eq!(arranged(&layout).unwrap(), ["config", "modules", "vmlinuz"]);
        }
        assert_eq!(arranged(&["boot/vmlinuz-6.1-x"]).unwrap(), ["vmlinuz"]);
        assert!(arranged(&["boot/config-6.1-x"]).is_err());
    }
}
