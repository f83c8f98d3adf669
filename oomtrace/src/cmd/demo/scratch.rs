//! A cgroup with a limit; dropping it removes it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    cmd::shared::{cgroup, say::say},
    source::cgroup::cgroupfs::MemoryHierarchy,
};

/// The limit.
pub(super) const LIMIT_BYTES: usize = 64 << 20;

/// Prefix of scratch cgroups; the demo's pid follows.
const PREFIX: &str = "oomtrace-demo-";

/// The number of attempts to remove one, one every ten milliseconds.
const ATTEMPTS: u32 = 200;

/// The cgroup.
pub(super) struct Scratch {
    path: PathBuf,
    /// The `cgroup.subtree_control` in which the controller was enabled for it.
    switched_on: Option<PathBuf>,
}

impl Scratch {
    /// Creates the cgroup and sets its limit, without swap. Cgroups of demos that were killed are removed.
    ///
    /// # Errors
    ///
    /// If the hierarchy does not allow it.
    pub(super) fn create(hierarchy: &MemoryHierarchy) -> Result<Self> {
        remove_stale(hierarchy.mount());
        let path = hierarchy.mount().join(format!("{PREFIX}{}", std::process::id()));
        let switched_on = match hierarchy {
            MemoryHierarchy::V2(mount) => switch_on(mount)?,
            MemoryHierarchy::V1(_) => None,
        };
        let scratch = Self { path, switched_on };
        fs::create_dir(&scratch.path)
            .with_context(|| format!("making the scratch cgroup {}", scratch.path.display()))?;
        scratch.limit(hierarchy)?;
        Ok(scratch)
    }

    /// Its directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn limit(&self, hierarchy: &MemoryHierarchy) -> Result<()> {
        let (limit, without_swap): (_, &[(&str, String)]) = match hierarchy {
            MemoryHierarchy::V2(_) => ("memory.max", &[("memory.swap.max", "0".to_owned())]),
            MemoryHierarchy::V1(_) => (
                "memory.limit_in_bytes",
                &[
                    ("memory.memsw.limit_in_bytes", LIMIT_BYTES.to_string()),
                    ("memory.swappiness", "0".to_owned()),
                ],
            ),
        };
        fs::write(self.path.join(limit), LIMIT_BYTES.to_string())
            .with_context(|| format!("setting {limit} of {}", self.path.display()))?;
        for (file, value) in without_swap {
            // The file does not exist if the kernel does not account swap. Then there is no swap to limit.
            let _ = fs::write(self.path.join(file), value);
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
        if let Some(control) = &self.switched_on {
            // This fails if another program has started to use the controller; it then has to stay enabled.
            let _ = fs::write(control, "-memory");
        }
    }
}

/// Enables the memory controller for the children of the root, if it is not; returns the file in which to undo it.
fn switch_on(mount: &Path) -> Result<Option<PathBuf>> {
    let control = mount.join("cgroup.subtree_control");
    let on = fs::read_to_string(&control).with_context(|| format!("reading {}", control.display()))?;
    if on.split_whitespace().any(|name| name == "memory") {
        return Ok(None);
    }
    fs::write(&control, "+memory")
        .with_context(|| format!("switching the memory controller on in {}", control.display()))?;
    Ok(Some(control))
}

/// Kills the processes in the cgroup and removes it as soon as the kernel allows it.
fn remove(path: &Path) {
    if let Err(error) = cgroup::remove(path, ATTEMPTS) {
        say(format_args!("{error:#}; `rmdir` it"));
    }
}

/// Removes the cgroups of demos that were killed.
fn remove_stale(mount: &Path) {
    let Ok(entries) = fs::read_dir(mount) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = cgroup::number(&name, PREFIX) else { continue };
        if !Path::new("/proc").join(pid).exists() {
            remove(&entry.path());
        }
    }
}
