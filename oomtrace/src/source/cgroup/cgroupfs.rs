//! Finds the mount of the memory controller: v2, v1, or v1 next to v2.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A mounted hierarchy that has the memory controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryHierarchy {
    /// The unified hierarchy, with its mount point.
    V2(PathBuf),
    /// The v1 memory hierarchy, with its mount point. A v2 hierarchy without the controller may exist as well.
    V1(PathBuf),
}

impl MemoryHierarchy {
    /// Returns the hierarchy of this machine, if one is mounted.
    #[must_use]
    pub fn find() -> Option<Self> {
        fs::read_to_string("/proc/self/mounts").ok().as_deref().and_then(|mounts| {
            find_in(mounts, |mount| {
                fs::read_to_string(mount.join("cgroup.controllers"))
                    .is_ok_and(|controllers| controllers.split_whitespace().any(|name| name == "memory"))
            })
        })
    }

    /// The mount point.
    #[must_use]
    pub fn mount(&self) -> &Path {
        match self {
            Self::V2(mount) | Self::V1(mount) => mount,
        }
    }

    /// The version: "v2" or "v1".
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::V2(_) => "v2",
            Self::V1(_) => "v1",
        }
    }
}

fn find_in(mounts: &str, has_memory: impl Fn(&Path) -> bool) -> Option<MemoryHierarchy> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (_, mount, kind, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let mount = PathBuf::from(unescape(mount));
        match kind {
            "cgroup" if options.split(',').any(|option| option == "memory") => {
                Some(MemoryHierarchy::V1(mount))
            }
            "cgroup2" if has_memory(&mount) => Some(MemoryHierarchy::V2(mount)),
            _ => None,
        }
    })
}

/// Decodes a mount point, in which blanks and similar characters are written as `\040`.
fn unescape(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{MemoryHierarchy, find_in};

    #[test]
    fn finds_the_mount_with_the_memory_controller() {
        let hybrid = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n\
                      cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n";
        let v1 = MemoryHierarchy::V1(PathBuf::from("/sys/fs/cgroup/memory"));
        assert_eq!(find_in(hybrid, |_| false), Some(v1));
        let unified = "cgroup2 /my\\040cgroups cgroup2 rw 0 0\n";
        let v2 = MemoryHierarchy::V2(PathBuf::from("/my cgroups"));
        assert_eq!(find_in(unified, |_| true), Some(v2));
        assert_eq!(find_in(unified, |_| false), None);
    }
}
