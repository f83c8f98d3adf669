//! Reads files of the node, but only files that no user except root can have written. The files of a user's own engine may also
//! belong to that user.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use rustix::fs::{OFlags, fstat};

use crate::trust::Directory;

/// Maximum size of a file that describes one container. An OCI configuration has about 10 KiB.
pub(super) const FILE_BYTES: u64 = 1 << 20;

/// Maximum number of entries of a directory that are used.
const ENTRIES: usize = 4096;

/// The owner of files: root if `None`, or a user whose own engine wrote them.
pub(super) type Owner = Option<u32>;

/// Reads a file, if only root can write to its directory and all directories above it.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    read_of(None, path)
}

/// Reads a file, if only root and the owner can write to its directory and all directories above it.
pub(super) fn read_of(owner: Owner, path: &Path) -> Option<Vec<u8>> {
    directory(owner, path.parent()?)?.read(path.file_name()?.to_str()?, FILE_BYTES).ok()?
}

/// Opens such a file, to be read piece by piece.
pub(super) fn open(owner: Owner, path: &Path) -> Option<File> {
    directory(owner, path.parent()?)?.file(path.file_name()?.to_str()?, OFlags::RDONLY).ok()
}

fn directory(owner: Owner, path: &Path) -> Option<Directory> {
    // A refusal needs no message: the name is simply missing.
    match owner {
        Some(uid) => Directory::open_of(path, uid).ok(),
        None => Directory::open(path, "").ok(),
    }
}

/// Returns the names of a directory's entries, if only root and the owner can write to it.
pub(super) fn names(owner: Owner, path: &Path) -> Vec<String> {
    if directory(owner, path).is_none() {
        return Vec::new();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten().take(ENTRIES);
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Whether a directory belongs to this user, and only root and this user can write to it and to all directories above it.
pub(super) fn is_ours(owner: u32, path: &Path) -> bool {
    let stat = directory(Some(owner), path).and_then(|directory| fstat(&directory).ok());
    stat.is_some_and(|stat| stat.st_uid == owner)
}

/// Returns the cgroup of a process in the memory hierarchy, from procfs: its path below the mount.
pub(super) fn cgroup_of(pid: i32) -> Option<Vec<u8>> {
    let text = fs::read(PathBuf::from(format!("/proc/{pid}/cgroup"))).ok()?;
    memory_cgroup(&text).map(<[u8]>::to_vec)
}

/// Finds the line of v1's memory controller, or else the line of v2.
fn memory_cgroup(text: &[u8]) -> Option<&[u8]> {
    let lines = || text.split(|byte| *byte == b'\n');
    let of_v1 = |line: &&[u8]| {
        let controllers = line.split(|byte| *byte == b':').nth(1).unwrap_or_default();
        controllers.split(|byte| *byte == b',').any(|controller| controller == b"memory")
    };
    let line = lines().find(of_v1).or_else(|| lines().find(|line| line.starts_with(b"0::")))?;
    line.splitn(3, |byte| *byte == b':').nth(2)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    };

    use super::{is_ours, memory_cgroup, names, read};

    #[test]
    fn reads_only_files_that_no_other_user_can_write() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("a.json");
        fs::write(&file, "{}").unwrap();
        assert_eq!(read(&file), Some(b"{}".to_vec()));
        assert_eq!(names(None, top.path()), ["a.json"]);
        symlink(&file, top.path().join("b.json")).unwrap();
        assert_eq!(read(&top.path().join("b.json")), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(read(&file), None, "others can write it");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!((read(&file), names(None, top.path())), (None, Vec::new()), "others can exchange it");
    }

    #[test]
    fn accepts_only_directories_of_the_owner() {
        let top = tempfile::tempdir().unwrap();
        let own = fs::metadata(top.path()).unwrap().uid();
        let (inner, link) = (top.path().join("a"), top.path().join("b"));
        fs::create_dir(&inner).unwrap();
        symlink(&inner, &link).unwrap();
        assert!(is_ours(own, &inner));
        assert!(!is_ours(own + 1, &inner), "it belongs to another user");
        assert!(!is_ours(own, &link) && !is_ours(own, &top.path().join("c")));
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!is_ours(own, &inner), "others can exchange it");
    }

    #[test]
    fn finds_the_memory_hierarchy() {
        assert_eq!(memory_cgroup(b"0::/a.slice/b.scope\n"), Some(&b"/a.slice/b.scope"[..]));
        assert_eq!(memory_cgroup(b"4:memory:/docker/x\n0::/y\n"), Some(&b"/docker/x"[..]));
        assert_eq!(memory_cgroup(b"2:cpu,memory:/a:b\n"), Some(&b"/a:b"[..]));
        assert_eq!(memory_cgroup(b""), None);
    }
}
