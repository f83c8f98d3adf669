//! The file systems of a guest.

use std::ffi::CString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use oomtrace_scenarios::job::FREEZER_DIRECTORY;
use oomtrace_scenarios::scenario::{Hierarchy, Tmpfs};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// The directory in which the processes of scenarios work.
pub(crate) const SCRATCH: &str = "/tmp";

/// The mounts of every guest: type, mount point.
const ALWAYS: [(&str, &str); 6] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("securityfs", "/sys/kernel/security"),
    ("devtmpfs", "/dev"),
    ("bpf", "/sys/fs/bpf"),
    ("tmpfs", SCRATCH),
];

/// Mount every file system that the job needs.
pub(crate) fn mount_all(hierarchy: Hierarchy, tracefs: bool) -> Result<()> {
    for (kind, place) in ALWAYS {
        mount_one(kind, place, "")?;
    }
    if tracefs {
        mount_one("tracefs", "/sys/kernel/tracing", "")?;
        mount_one("debugfs", "/sys/kernel/debug", "")?;
    }
    // A kernel without the freezer also leaves the directory empty.
    if let Err(error) = mount_one("cgroup", FREEZER_DIRECTORY, "freezer") {
        eprintln!("guest: {error:#}");
    }
    match hierarchy {
        Hierarchy::V2 => mount_one("cgroup2", hierarchy.mount_point(), ""),
        // A kernel without cgroup v1 leaves the directory empty. The scenarios then find the feature missing.
        Hierarchy::V1 => mount_one("tmpfs", "/sys/fs/cgroup", "").map(|()| {
            if let Err(error) = mount_one("cgroup", hierarchy.mount_point(), "memory") {
                eprintln!("guest: {error:#}");
            }
        }),
    }
}

/// Remove the files that a scenario left. On tmpfs they use memory.
pub(crate) fn empty_scratch() -> Result<()> {
    for entry in fs::read_dir(SCRATCH).with_context(|| format!("listing {SCRATCH}"))? {
        let path = entry?.path();
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    }
    Ok(())
}

/// Mount one file system and create its directory if needed.
fn mount_one(kind: &str, place: &str, options: &str) -> Result<()> {
    fs::create_dir_all(place).with_context(|| format!("making {place}"))?;
    let data = CString::new(options)?;
    mount(kind, place, kind, MountFlags::empty(), Some(data.as_c_str()))
        .with_context(|| format!("mounting {kind} on {place}"))
}

/// A file system of a scenario, mounted until dropped.
pub(crate) struct Mounted(String);

impl Mounted {
    /// Mount the file system.
    pub(crate) fn new(tmpfs: &Tmpfs) -> Result<Self> {
        mount_one("tmpfs", &tmpfs.place, &format!("size={}M", tmpfs.mib))?;
        Ok(Self(tmpfs.place.clone()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = unmount(Path::new(&self.0), UnmountFlags::DETACH) {
            eprintln!("guest: unmounting {}: {error}", self.0);
        }
    }
}

/// An empty directory mounted over another one until dropped.
pub(crate) struct Hidden(String);

impl Hidden {
    /// Hide the content of `place`.
    pub(crate) fn new(place: &str) -> Result<Self> {
        mount("tmpfs", place, "tmpfs", MountFlags::empty(), None)
            .with_context(|| format!("hiding {place}"))?;
        Ok(Self(place.to_owned()))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Err(error) = unmount(Path::new(&self.0), UnmountFlags::DETACH) {
            eprintln!("guest: showing {} again: {error}", self.0);
        }
    }
}
