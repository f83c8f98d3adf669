//! Opens files for writing in places where another user may have created entries.

use std::{
    fs::File,
    io::{self, Seek as _, Write as _},
    path::Path,
};

use rustix::{
    fs::{FileType, Mode, OFlags, Stat, fstat, ftruncate, openat},
    io::Errno,
};

use super::{Links, OTHERS_WRITE, Place, TrustError, Why, is_trusted, resolve, walk::is_procfs};

const ADVICE: &str = "pass another file, in a directory that you own";

const WRITE: OFlags = OFlags::WRONLY.union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Mode of a new file that is not secret, before the umask.
const PUBLIC: Mode = Mode::from_raw_mode(0o666);

/// A file that is about to be created or replaced.
#[derive(Debug)]
pub(crate) struct Output {
    place: Place,
}

impl Output {
    /// Finds the place. Nothing is created or changed yet.
    ///
    /// # Errors
    ///
    /// If another user can have created a part of the path, or the file belongs to another user.
    pub(crate) fn find(path: &Path) -> Result<Self, TrustError> {
        let place = resolve(path, Links::Trusted, ADVICE)?;
        let refused = place.found.as_ref().and_then(|found| why_not(&place, found));
        match refused {
            Some(why) => Err(TrustError::Refused { path: place.path, why, advice: ADVICE }),
            None => Ok(Self { place }),
        }
    }

    /// Writes the file and replaces its contents.
    ///
    /// # Errors
    ///
    /// If the system reports an error, or another file has replaced it since it was found.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        file.write_all(bytes)?;
        // A pipe or a device has no length.
        if let Ok(length) = file.stream_position() {
            let _ = ftruncate(&file, length);
        }
        Ok(())
    }

    fn open(&self) -> io::Result<File> {
        let Place { directory, name, found, .. } = &self.place;
        let Some(expected) = found else { return self.make() };
        let file = openat(directory, name, WRITE | OFlags::NOFOLLOW, Mode::empty())?;
        let opened = fstat(&file)?;
        if (opened.st_dev, opened.st_ino) != (expected.st_dev, expected.st_ino) {
            return Err(io::Error::other("another file replaced it in the meantime"));
        }
        Ok(File::from(file))
    }

    fn make(&self) -> io::Result<File> {
        let Place { directory, name, .. } = &self.place;
        match openat(directory, name, WRITE | OFlags::CREATE | OFlags::EXCL, PUBLIC) {
            Ok(file) => Ok(File::from(file)),
            // A link of procfs itself, such as the target of /dev/stdout. The kernel's `O_EXCL` cannot create a file there
            // either.
            Err(Errno::EXIST) if is_procfs(directory) => {
                Ok(File::from(openat(directory, name, WRITE, Mode::empty())?))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Rejects a file that another user may have planted: a link to a third file, or a trap in `/tmp`.
fn why_not(place: &Place, found: &Stat) -> Option<Why> {
    let directory = fstat(&place.directory).ok();
    let is_owners = directory.is_some_and(|directory| directory.st_uid == found.st_uid);
    if !is_trusted(found.st_uid) && !is_owners {
        return Some(Why::Owner(found.st_uid));
    }
    let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    let is_exposed = directory.is_none_or(|directory| directory.st_mode & OTHERS_WRITE != 0);
    (is_file && found.st_nlink > 1 && (is_exposed || !place.is_private)).then_some(Why::HardLink)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
        path::Path,
    };

    use super::Output;

    fn write(path: &Path) -> std::io::Result<()> {
        Output::find(path)?.write(b"page")
    }

    #[test]
    fn replaces_the_contents_of_a_file_and_creates_a_new_one() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("page");
        write(&path).unwrap();
        fs::write(&path, "something longer").unwrap();
        write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "page");
        symlink("page", top.path().join("own-link")).unwrap();
        fs::write(&path, "").unwrap();
        write(&top.path().join("own-link")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "page");
        write(Path::new("/dev/null")).unwrap();
    }

    #[test]
    fn follows_no_link_that_another_user_can_have_planted() {
        let top = tempfile::tempdir().unwrap();
        let open = top.path().join("open");
        let secret = top.path().join("secret");
        fs::create_dir(&open).unwrap();
        fs::write(&secret, "as it was").unwrap();
        symlink(&secret, open.join("page")).unwrap();
        fs::hard_link(&secret, open.join("hard")).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        for (name, why) in [("page", "symbolic link"), ("hard", "second name")] {
            let error = write(&open.join(name)).unwrap_err().to_string();
            assert!(error.contains("refusing") && error.contains(why), "{error}");
        }
        assert_eq!(fs::read_to_string(&secret).unwrap(), "as it was");
        write(&open.join("new")).unwrap();
    }

    #[test]
    fn writes_to_no_file_that_took_the_place() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("page");
        fs::write(&path, "first").unwrap();
        let output = Output::find(&path).unwrap();
        fs::write(top.path().join("other"), "other").unwrap();
        fs::rename(top.path().join("other"), &path).unwrap();
        output.write(b"page").unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "other");
        fs::remove_file(&path).unwrap();
        let output = Output::find(&path).unwrap();
        symlink("elsewhere", &path).unwrap();
        output.write(b"page").unwrap_err();
        assert!(!top.path().join("elsewhere").exists());
    }
}
