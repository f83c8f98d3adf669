//! Reads and writes the files of knobs, if they are the kernel's own.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    path::Path,
};

use rustix::fs::{FileType, FsWord, Mode, OFlags, fstat, fstatfs, openat};

use crate::trust::{Links, Place, resolve};

/// The kernel's own file systems, in which files are settings: procfs, sysfs, and both versions of cgroups.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/magic.h>
const KERNELS: [FsWord; 4] = [0x9fa0, 0x6265_6572, CGROUP, CGROUP2];
const CGROUP: FsWord = 0x0027_e0eb;
const CGROUP2: FsWord = 0x6367_7270;

/// The maximum size of a knob's content.
const MOST_BYTES: u64 = 64 << 10;

const ADVICE: &str = "a knob is a file of procfs, sysfs or a cgroup file system";

/// Reads a knob.
///
/// # Errors
///
/// If it is not a regular file of the kernel, if its path contains a symbolic link, or if it cannot be read.
pub(in crate::cmd) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path, OFlags::RDONLY)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a knob with one write.
///
/// # Errors
///
/// Those of [`read`], or if the kernel rejects the value.
pub(in crate::cmd) fn write(path: &Path, value: &str) -> io::Result<()> {
    open(path, OFlags::WRONLY)?.write_all(value.as_bytes())
}

fn open(path: &Path, access: OFlags) -> io::Result<File> {
    let Place { directory, name, .. } = resolve(path, Links::Never, ADVICE)?;
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(&directory, &name, flags, Mode::empty())?;
    let is_file = FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile;
    if !is_file || !is_on(&file, &KERNELS) {
        let why = format!("refusing {}: it is not a setting of the kernel", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(File::from(file))
}

/// Whether a file is on a cgroup file system.
pub(in crate::cmd) fn is_cgroup(file: &OwnedFd) -> bool {
    is_on(file, &[CGROUP, CGROUP2])
}

fn is_on(file: &OwnedFd, systems: &[FsWord]) -> bool {
    fstatfs(file).is_ok_and(|found| systems.contains(&found.f_type))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use super::{read, write};

    #[test]
    fn reads_a_setting_and_refuses_other_files() {
        let swappiness = Path::new("/proc/sys/vm/swappiness");
        assert_eq!(read(swappiness).unwrap(), fs::read_to_string(swappiness).unwrap());
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "as it was").unwrap();
        symlink(swappiness, &link).unwrap();
        for path in [&file, &link] {
            assert!(read(path).unwrap_err().to_string().contains("refusing"), "{}", path.display());
            assert!(write(path, "1").unwrap_err().to_string().contains("refusing"), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
        assert!(read(Path::new("/proc/sys/vm")).is_err());
    }
}
