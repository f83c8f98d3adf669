//! Walks from a path to its last directory, one descriptor after the other.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    io,
    os::{fd::OwnedFd, unix::ffi::OsStringExt as _},
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, Stat, fstat, fstatfs, mkdirat, openat, readlinkat},
    io::Errno,
};

use super::{TrustError, Why, is_private, is_trusted, system};

/// The maximum number of symbolic links in one path, as in the kernel.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/namei.h#L13> (`MAXSYMLINKS`)
const LINKS_MAX: u32 = 40;

/// Opens only the place itself, without read or write access.
const PLACE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The symbolic links that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// None.
    Never,
    /// Those that no other user can have created.
    Trusted,
}

/// The place that a path leads to.
#[derive(Debug)]
pub(crate) struct Place {
    /// The directory that has, or would have, the last component.
    pub(crate) directory: OwnedFd,
    /// The last component. It is not a symbolic link, unless it is one of procfs itself.
    pub(crate) name: OsString,
    /// The metadata of the entry, if there is one.
    pub(crate) found: Option<Stat>,
    /// Whether no other user can have replaced the directory or this user's entries in it.
    pub(crate) is_private: bool,
    /// The path for messages.
    pub(crate) path: PathBuf,
}

/// Walks a path up to its last component, which need not exist.
///
/// # Errors
///
/// If it leads through a link that must not be followed, or to nothing.
pub(crate) fn resolve(path: &Path, links: Links, advice: &'static str) -> Result<Place, TrustError> {
    let mut walk = Walk::begin(path)?;
    loop {
        let Some(name) = walk.left.pop_front() else { return Err(system(&walk.shown, Errno::ISDIR)) };
        let shown = walk.shown.join(&name);
        let found = match openat(&walk.at, &name, PLACE, Mode::empty()) {
            Ok(found) => found,
            Err(Errno::NOENT) if walk.left.is_empty() => return Ok(walk.end(name, None)),
            Err(error) => return Err(system(&shown, error)),
        };
        let stat = fstat(&found).map_err(|error| system(&shown, error))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Symlink && !is_last_of_procfs(&walk, &found, links) {
            if let Some(why) = walk.why_not_followed(&stat, links) {
                return Err(TrustError::Refused { path: shown, why, advice });
            }
            walk.follow(&found, &shown)?;
        } else if walk.left.is_empty() {
            return Ok(walk.end(name, (kind != FileType::Symlink).then_some(stat)));
        } else if kind == FileType::Directory {
            walk.enter(found, &name, &stat);
        } else {
            return Err(system(&shown, Errno::NOTDIR));
        }
    }
}

/// Opens a directory along trusted links and creates missing components.
///
/// # Errors
///
/// Those of [`resolve`], or if it cannot be created or opened.
pub(crate) fn open_directory(path: &Path, advice: &'static str) -> Result<OwnedFd, TrustError> {
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if components(path).is_empty() {
        let start = if path.is_absolute() { "/" } else { "." };
        return openat(CWD, start, directory, Mode::empty()).map_err(|error| system(path, error));
    }
    let place = match (resolve(path, Links::Trusted, advice), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            open_directory(parent, advice)?;
            resolve(path, Links::Trusted, advice)?
        }
        (place, _) => place?,
    };
    if place.found.is_none() {
        match mkdirat(&place.directory, &place.name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(system(path, error)),
        }
    }
    openat(&place.directory, &place.name, directory | OFlags::NOFOLLOW, Mode::empty())
        .map_err(|error| system(path, error))
}

struct Walk {
    at: OwnedFd,
    shown: PathBuf,
    is_private: bool,
    left: VecDeque<OsString>,
    followed: u32,
}

impl Walk {
    fn begin(path: &Path) -> Result<Self, TrustError> {
        let start = if path.is_absolute() { "/" } else { "." };
        let shown = if path.is_absolute() { PathBuf::from(start) } else { PathBuf::new() };
        let at = openat(CWD, start, PLACE, Mode::empty()).map_err(|error| system(Path::new(start), error))?;
        let is_private = fstat(&at).is_ok_and(|stat| is_private(&stat));
        Ok(Self { at, shown, is_private, left: components(path), followed: 0 })
    }

    fn enter(&mut self, directory: OwnedFd, name: &OsStr, stat: &Stat) {
        self.is_private &= is_private(stat);
        self.at = directory;
        self.shown.push(name);
    }

    fn why_not_followed(&self, link: &Stat, links: Links) -> Option<Why> {
        match links {
            Links::Never => Some(Why::SymbolicLink),
            Links::Trusted if self.is_private && is_trusted(link.st_uid) => None,
            Links::Trusted => Some(Why::ForeignLink),
        }
    }

    /// Replaces a link with its target.
    fn follow(&mut self, link: &OwnedFd, shown: &Path) -> Result<(), TrustError> {
        self.followed += 1;
        if self.followed > LINKS_MAX {
            return Err(system(shown, Errno::LOOP));
        }
        let target = readlinkat(link, "", Vec::new()).map_err(|error| system(shown, error))?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            let left = std::mem::take(&mut self.left);
            *self = Self { left, followed: self.followed, ..Self::begin(&target)? };
        }
        for part in components(&target).into_iter().rev() {
            self.left.push_front(part);
        }
        Ok(())
    }

    fn end(self, name: OsString, found: Option<Stat>) -> Place {
        let path = self.shown.join(&name);
        Place { directory: self.at, name, found, is_private: self.is_private, path }
    }
}

fn components(path: &Path) -> VecDeque<OsString> {
    let parts = path.components();
    let named = parts.filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    named.map(|part| part.as_os_str().to_owned()).collect()
}

fn is_last_of_procfs(walk: &Walk, found: &OwnedFd, links: Links) -> bool {
    walk.left.is_empty() && links == Links::Trusted && is_procfs(found)
}

/// Whether a link belongs to procfs itself (`/proc/self/fd/1`). Its text is not a path, and only the kernel can follow it.
pub(super) fn is_procfs(link: &OwnedFd) -> bool {
    fstatfs(link).is_ok_and(|system| system.f_type == PROC_SUPER_MAGIC)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
        path::Path,
    };

    use super::{Links, Place, TrustError, Why, resolve};

    fn walk(path: &Path, links: Links) -> Result<Place, TrustError> {
        resolve(path, links, "do something else")
    }

    fn why(result: Result<Place, TrustError>) -> Option<Why> {
        match result {
            Err(TrustError::Refused { why, .. }) => Some(why),
            Ok(_) | Err(TrustError::System { .. }) => None,
        }
    }

    #[test]
    fn follows_own_links_that_no_other_user_can_replace() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        fs::create_dir(path("real")).unwrap();
        fs::write(path("real/file"), "").unwrap();
        symlink("real", path("relative")).unwrap();
        symlink(path("real"), path("absolute")).unwrap();
        for name in ["real/file", "relative/file", "absolute/file", "real/../relative/file"] {
            let place = walk(&path(name), Links::Trusted).unwrap();
            assert!(place.found.is_some() && place.is_private && place.name == "file", "{name}: {place:?}");
        }
        assert!(walk(&path("relative/new"), Links::Trusted).unwrap().found.is_none());
        for name in ["relative/file", "absolute/file", "relative"] {
            assert_eq!(why(walk(&path(name), Links::Never)), Some(Why::SymbolicLink), "{name}");
        }
        symlink("loop", path("loop")).unwrap();
        assert!(walk(&path("loop"), Links::Trusted).is_err());
        assert!(walk(&path("nowhere/file"), Links::Trusted).is_err());
    }

    #[test]
    fn follows_no_link_in_a_directory_that_others_can_write() {
        let top = tempfile::tempdir().unwrap();
        let open = top.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::create_dir(open.join("real")).unwrap();
        symlink("real", open.join("link")).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(why(walk(&open.join("link/file"), Links::Trusted)), Some(Why::ForeignLink));
        assert!(!walk(&open.join("real/file"), Links::Trusted).unwrap().is_private);
        // A directory in which others can create entries but cannot remove existing ones.
        fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(walk(&open.join("link/file"), Links::Trusted).unwrap().is_private);
    }

    #[test]
    fn leaves_the_links_of_procfs_to_the_kernel() {
        let place = walk(Path::new("/proc/self/fd/0"), Links::Trusted).unwrap();
        assert_eq!(place.name, "0");
        assert!(why(walk(Path::new("/proc/self/fd/0"), Links::Never)).is_some());
    }
}
