//! Memory cgroups in cgroupfs: paths, limits and usage, in bytes.

use std::{
    fs,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use super::cgroupfs::MemoryHierarchy;
use crate::bytes::ByteString;

/// The limits and usage of a cgroup. A limit that is not set is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `memory.max`, or `memory.limit_in_bytes`.
    pub memory: Option<u64>,
    /// `memory.swap.max`; on v1 the limit of memory and swap together.
    pub swap: Option<u64>,
    /// `memory.current`, or `memory.usage_in_bytes`.
    pub usage: Option<u64>,
    /// `memory.swap.current`; on v1 the usage of memory and swap together.
    pub swap_usage: Option<u64>,
    /// `vm.swappiness`; on v1 the cgroup's own setting.
    pub swappiness: u64,
}

/// Returns the memory cgroup of a process: its path below the hierarchy's mount.
#[must_use]
pub fn of_process(hierarchy: &MemoryHierarchy, pid: i32) -> Option<ByteString> {
    let text = fs::read(format!("/proc/{pid}/cgroup")).ok()?;
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.splitn(3, |byte| *byte == b':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let own = match hierarchy {
            MemoryHierarchy::V2(_) => controllers.is_empty(),
            MemoryHierarchy::V1(_) => controllers.split(|byte| *byte == b',').any(|name| name == b"memory"),
        };
        own.then(|| ByteString::from(path.to_vec()))
    })
}

/// Returns the directory of a cgroup.
#[must_use]
pub fn directory(mount: &Path, path: &ByteString) -> PathBuf {
    let below = path.as_bytes().strip_prefix(b"/").unwrap_or(path.as_bytes());
    mount.join(std::ffi::OsStr::from_bytes(below))
}

/// Normalizes a path that a user typed: below the mount, without a slash at its end. `/a`, `a`, `/a/` and `/sys/fs/cgroup/a`
/// are the same.
#[must_use]
pub fn normal(mount: &Path, typed: &Path) -> ByteString {
    let below = typed.strip_prefix(mount).or_else(|_| typed.strip_prefix("/")).unwrap_or(typed);
    let path: PathBuf = Path::new("/").join(below).components().collect();
    ByteString::from(path.into_os_string().into_vec())
}

/// Returns the parent of a cgroup; `None` for the root.
#[must_use]
pub fn parent(path: &ByteString) -> Option<ByteString> {
    let bytes = path.as_bytes();
    let slash = bytes.iter().rposition(|byte| *byte == b'/')?;
    let parent = bytes.get(..slash)?;
    (bytes.len() > 1)
        .then(|| ByteString::from(if parent.is_empty() { b"/".to_vec() } else { parent.to_vec() }))
}

/// Returns a cgroup and all cgroups below it, with their paths.
/// A parent comes before its children. Siblings are in the order of their creation, which is the order of their inode
/// numbers.
#[must_use]
pub fn subtree(mount: &Path, path: &ByteString) -> Vec<(PathBuf, ByteString)> {
    let mut found = Vec::new();
    let mut waiting = vec![(directory(mount, path), path.clone())];
    while let Some((directory, path)) = waiting.pop() {
        waiting.extend(children(&directory, &path));
        found.push((directory, path));
    }
    found
}

/// Returns the children, youngest first, because the caller takes the next one from the end.
fn children(directory: &Path, path: &ByteString) -> Vec<(PathBuf, ByteString)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut children: Vec<(u64, PathBuf, ByteString)> = directories
        .filter_map(|entry| {
            let above = path.as_bytes().strip_suffix(b"/").unwrap_or(path.as_bytes());
            let own = [above, b"/", entry.file_name().as_bytes()].concat();
            Some((entry.metadata().ok()?.ino(), entry.path(), ByteString::from(own)))
        })
        .collect();
    children.sort_by_key(|(inode, ..)| std::cmp::Reverse(*inode));
    children.into_iter().map(|(_, directory, path)| (directory, path)).collect()
}

/// Reads the limits and usage of a cgroup.
#[must_use]
pub fn limits(hierarchy: &MemoryHierarchy, path: &ByteString) -> Limits {
    let directory = directory(hierarchy.mount(), path);
    let number =
        |file: &str| -> Option<u64> { fs::read_to_string(directory.join(file)).ok()?.trim().parse().ok() };
    match hierarchy {
        MemoryHierarchy::V2(_) => Limits {
            memory: number("memory.max"),
            swap: number("memory.swap.max"),
            usage: number("memory.current"),
            swap_usage: number("memory.swap.current"),
            swappiness: machine_swappiness(),
        },
        MemoryHierarchy::V1(_) => Limits {
            memory: number("memory.limit_in_bytes").filter(|bytes| *bytes < V1_UNLIMITED),
            swap: number("memory.memsw.limit_in_bytes").filter(|bytes| *bytes < V1_UNLIMITED),
            usage: number("memory.usage_in_bytes"),
            swap_usage: number("memory.memsw.usage_in_bytes"),
            swappiness: number("memory.swappiness").unwrap_or_else(machine_swappiness),
        },
    }
}

/// v1 shows an unlimited value as `PAGE_COUNTER_MAX` pages: the largest signed number, rounded down to a whole page (of at
/// most 64 KiB).
const V1_UNLIMITED: u64 = 0x7fff_ffff_ffff_0000;

fn machine_swappiness() -> u64 {
    // If the file is hidden, use the kernel's own default.
    fs::read_to_string("/proc/sys/vm/swappiness").ok().and_then(|text| text.trim().parse().ok()).unwrap_or(60)
}

/// Returns the cgroups of a subtree whose `memory.oom.group` is set. Version 1 has no such file.
#[must_use]
pub fn oom_groups(mount: &Path, path: &ByteString) -> Vec<ByteString> {
    let is_set = |directory: &Path| {
        fs::read_to_string(directory.join("memory.oom.group")).is_ok_and(|text| text.trim() == "1")
    };
    subtree(mount, path)
        .into_iter()
        .filter(|(directory, _)| is_set(directory))
        .map(|(_, path)| path)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{normal, parent, subtree};
    use crate::bytes::ByteString;

    #[test]
    fn normalizes_all_forms_of_a_typed_path() {
        let mount = Path::new("/sys/fs/cgroup");
        for typed in ["/a/b", "a/b", "/a/b/", "/sys/fs/cgroup/a/b", "/a//b"] {
            assert_eq!(normal(mount, Path::new(typed)), ByteString::from("/a/b"), "{typed}");
        }
        assert_eq!(normal(mount, Path::new("/")), ByteString::from("/"));
        assert_eq!(normal(mount, mount), ByteString::from("/"));
    }

    #[test]
    fn ends_at_the_root() {
        let path = |text: &str| ByteString::from(text);
        assert_eq!(parent(&path("/a/b")), Some(path("/a")));
        assert_eq!(parent(&path("/a")), Some(path("/")));
        assert_eq!(parent(&path("/")), None);
    }

    #[test]
    fn walks_parents_before_children() {
        let mount = tempfile::tempdir().unwrap();
        for directory in ["z", "z/y", "a"] {
            fs::create_dir(mount.path().join(directory)).unwrap();
        }
        let walked: Vec<ByteString> =
            subtree(mount.path(), &ByteString::from("/")).into_iter().map(|(_, path)| path).collect();
        assert_eq!(walked.first(), Some(&ByteString::from("/")));
        let place = |text: &str| walked.iter().position(|path| *path == ByteString::from(text)).unwrap();
        assert_eq!((walked.len(), place("/z") + 1), (4, place("/z/y")));
    }
}
