//! Paths of cgroups by their kernfs ids.
//! The kernel side sends the levels of the domain, the trigger and the victims. For all other candidates it sends only an id,
//! so this module reads the path while the cgroup still exists.

use std::{
    collections::{BTreeSet, VecDeque},
    ffi::OsStr,
    fs,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
};

use super::{cgroupfs::MemoryHierarchy, kernfs};
use crate::{
    bytes::ByteString,
    context::{CGROUPS_KEPT, CgroupPaths},
};

/// Maximum number of bytes of paths in one frame. Even if JSON needed six characters for each byte, a recording's frame would
/// hold them.
const FRAME_PATH_BYTES: usize = 64 << 10;

/// The ids whose paths are still to be read, and the ids whose paths were reported.
#[derive(Default)]
pub struct Lookup {
    mount: Option<Mount>,
    wanted: BTreeSet<u64>,
    sent: BTreeSet<u64>,
    in_order: VecDeque<u64>,
}

impl Lookup {
    /// Uses the mounted memory hierarchy.
    /// Reads no path if there is none, or if the mount shows only a part of it.
    #[must_use]
    pub fn new() -> Self {
        Self { mount: Mount::find(), ..Self::default() }
    }

    /// Requests the path of a cgroup, unless it was already reported.
    pub fn want(&mut self, id: u64) {
        if id != 0 && self.mount.is_some() && self.wanted.len() < CGROUPS_KEPT && !self.sent.contains(&id) {
            self.wanted.insert(id);
        }
    }

    /// Reads the requested paths and returns them in as many frames as necessary.
    /// A path is missing if the cgroup no longer exists. All paths are missing without CAP_DAC_READ_SEARCH.
    pub fn look_up(&mut self) -> Vec<CgroupPaths> {
        let mut frames = Vec::new();
        let (mut frame, mut bytes) = (CgroupPaths::default(), 0);
        for id in std::mem::take(&mut self.wanted) {
            let Some(path) = self.path(id) else { continue };
            bytes += path.as_bytes().len();
            frame.paths.insert(id, path);
            self.keep(id);
            if bytes > FRAME_PATH_BYTES {
                frames.push(std::mem::take(&mut frame));
                bytes = 0;
            }
        }
        frames.push(frame);
        frames.retain(|frame| !frame.paths.is_empty());
        frames
    }

    /// Whether a cgroup no longer exists; `None` if that cannot be determined.
    pub(in crate::source) fn is_gone(&self, id: u64) -> Option<bool> {
        match kernfs::open(&self.mount.as_ref()?.root, id, OFlags::PATH) {
            Ok(_) => Some(false),
            Err(Errno::STALE) => Some(true),
            Err(_) => None,
        }
    }

    /// The directory of a cgroup with this path, whether or not it exists.
    pub(in crate::source) fn directory(&self, path: &ByteString) -> Option<PathBuf> {
        let below = Path::new(OsStr::from_bytes(path.as_bytes())).strip_prefix("/").ok()?;
        Some(self.mount.as_ref()?.hierarchy.mount().join(below))
    }

    /// Reads the path of a cgroup; `None` if it no longer exists or may not be opened.
    pub(in crate::source) fn path(&mut self, id: u64) -> Option<ByteString> {
        match self.mount.as_ref()?.path(id) {
            Ok(path) => Some(path),
            Err(error) => {
                if error == Errno::PERM {
                    // It will not be permitted later either.
                    self.mount = None;
                }
                None
            }
        }
    }

    /// Remembers that a path was reported.
    /// The kernel does not reuse ids until the next boot, and a v2 cgroup keeps its name, so one report is enough. The
    /// assembler remembers as many paths.
    fn keep(&mut self, id: u64) {
        if self.mount.as_ref().is_some_and(Mount::lets_rename) {
            return;
        }
        if self.in_order.len() == CGROUPS_KEPT
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.sent.remove(&oldest);
        }
        self.in_order.push_back(id);
        self.sent.insert(id);
    }
}

/// The mount of the memory hierarchy.
struct Mount {
    root: OwnedFd,
    hierarchy: MemoryHierarchy,
}

impl Mount {
    fn find() -> Option<Self> {
        let hierarchy = MemoryHierarchy::find()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(hierarchy.mount(), flags, Mode::empty()).ok()?;
        // In a cgroup namespace, paths would have another root than those from the kernel side.
        kernfs::is_whole(&root).then_some(Self { root, hierarchy })
    }

    /// Whether cgroups can be renamed. Only v1 has `rename`.
    /// <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup-v1.c#L841>
    const fn lets_rename(&self) -> bool {
        matches!(self.hierarchy, MemoryHierarchy::V1(_))
    }

    /// Returns the path below the mount; "/" for the root.
    fn path(&self, id: u64) -> Result<ByteString, Errno> {
        let cgroup = kernfs::open(&self.root, id, OFlags::PATH)?;
        let link = format!("/proc/self/fd/{}", cgroup.as_raw_fd());
        let path = fs::read_link(link).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        // The cgroup may have been removed, or another mount may hide it. In both cases the link's text is not a path to it.
        let is_it = fs::symlink_metadata(&path).is_ok_and(|found| found.ino() == id);
        let below = below(self.hierarchy.mount().as_os_str().as_bytes(), path.as_os_str().as_bytes());
        below.filter(|_| is_it).ok_or(Errno::STALE)
    }
}

/// Removes the path of the mount from a path.
fn below(mount: &[u8], path: &[u8]) -> Option<ByteString> {
    let rest = path.strip_prefix(mount)?;
    match rest {
        [] => Some("/".into()),
        [b'/', ..] => Some(ByteString::from(rest.to_vec())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt as _};

    use super::{Lookup, MemoryHierarchy, below};

    #[test]
    fn strips_the_mount_from_a_path() {
        let stripped = |path: &[u8]| below(b"/sys/fs/cgroup", path).map(|path| path.as_bytes().to_vec());
        assert_eq!(stripped(b"/sys/fs/cgroup"), Some(b"/".to_vec()));
        assert_eq!(stripped(b"/sys/fs/cgroup/a b/\xff"), Some(b"/a b/\xff".to_vec()));
        assert_eq!(
            [stripped(b"/sys/fs/cgroups/a"), stripped(b"/elsewhere"), stripped(b"/")],
            [None, None, None]
        );
    }

    /// Paths may be missing without the permission to read them, but reported paths must be correct.
    #[test]
    fn finds_a_cgroup_by_its_id() {
        let Some(hierarchy) = MemoryHierarchy::find() else { return };
        let inner = fs::read_dir(hierarchy.mount()).unwrap().flatten().find(|entry| entry.path().is_dir());
        let mut lookup = Lookup::new();
        let ids = [
            fs::metadata(hierarchy.mount()).unwrap().ino(),
            inner.as_ref().unwrap().metadata().unwrap().ino(),
        ];
        ids.into_iter().chain([0, u64::MAX]).for_each(|id| lookup.want(id));
        for (id, path) in lookup.look_up().into_iter().flat_map(|frame| frame.paths) {
            let expected =
                [b"/".to_vec(), [b"/", inner.as_ref().unwrap().file_name().as_encoded_bytes()].concat()];
            let place = ids.iter().position(|known| *known == id).unwrap();
            assert_eq!(path.as_bytes(), expected[place]);
        }
        assert_eq!(lookup.look_up(), [], "nothing is wanted any more");
    }
}
