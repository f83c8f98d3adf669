//! Scratch cgroups for the tests on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Where cgroups with a memory limit can be made.
pub(super) enum Hierarchy {
    /// The v1 memory hierarchy's mount.
    V1(PathBuf),
    /// The v2 mount, its root handing on the memory controller.
    V2(PathBuf),
}

impl Hierarchy {
    /// The one of this machine, if it can be written.
    pub(super) fn find() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let found = mounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let [_, mount, kind, options, ..] = fields.as_slice() else {
                return None;
            };
            let mount = PathBuf::from(mount);
            let hands_on = || {
                fs::read_to_string(mount.join("cgroup.subtree_control")).is_ok_and(|on| on.contains("memory"))
            };
            match *kind {
                "cgroup" if options.split(',').any(|option| option == "memory") => Some(Self::V1(mount)),
                "cgroup2" if hands_on() => Some(Self::V2(mount)),
                _ => None,
            }
        })?;
        let probe = Scratch::new(&found, b"oomtrace-test-probe", 1 << 20).ok()?;
        drop(probe);
        Some(found)
    }

    /// The mount point.
    pub(super) fn mount(&self) -> &Path {
        match self {
            Self::V1(mount) | Self::V2(mount) => mount,
        }
    }
}

/// A cgroup with a limit, gone when it is dropped.
pub(super) struct Scratch {
    pub(super) path: PathBuf,
}

impl Scratch {
    /// Makes one of that name, without swap.
    pub(super) fn new(hierarchy: &Hierarchy, name: &[u8], limit_bytes: u64) -> Result<Self> {
        use std::os::unix::ffi::OsStrExt as _;
        let path = hierarchy.mount().join(std::ffi::OsStr::from_bytes(name));
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        let scratch = Self { path };
        let (limit, swap) = match hierarchy {
            Hierarchy::V1(_) => {
                ("memory.limit_in_bytes", ("memory.memsw.limit_in_bytes", limit_bytes.to_string()))
            }
            Hierarchy::V2(_) => ("memory.max", ("memory.swap.max", "0".to_owned())),
        };
        fs::write(scratch.path.join(limit), limit_bytes.to_string())
            .with_context(|| format!("setting {limit}"))?;
        // Absent where swap is not accounted.
        let _ = fs::write(scratch.path.join(swap.0), swap.1);
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for _ in 0..200 {
            if fs::remove_dir(&self.path).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} could not be removed", self.path.display());
    }
}
