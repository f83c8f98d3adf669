//! The guest's only file system: an uncompressed cpio archive (newc), created without root.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};
use oomtrace_scenarios::job::{HOG_FILE, JOB_FILE, Job, MODULES_DIRECTORY, TRACER_FILE};
use tempfile::NamedTempFile;

use super::modules::Module;
use super::programs::Programs;

/// An additional file for a guest.
pub(crate) struct Extra {
    /// Its absolute path in the guest.
    pub(crate) path: String,
    /// Its content.
    pub(crate) data: Vec<u8>,
    /// Whether it is executable.
    pub(crate) is_program: bool,
}

/// The archive of a guest, in a file that is removed when dropped.
pub(in crate::vm) fn of_guest(
    programs: &Programs,
    modules: Vec<Module>,
    extras: &[Extra],
    job: &Job,
) -> Result<NamedTempFile> {
    let mut archive = Archive::new();
    for Extra { path, data, is_program } in extras {
        if *is_program {
            archive.program(path, data);
        } else {
            archive.file(path, data.clone());
        }
    }
    archive.program("/init", &programs.guest);
    archive.program(HOG_FILE, &programs.hog);
    if let Some(tracer) = &programs.tracer {
        archive.program(TRACER_FILE, tracer);
    }
    for (number, module) in modules.into_iter().enumerate() {
        archive.file(&format!("{MODULES_DIRECTORY}/{number:02}-{}.ko", module.name), module.data);
    }
    archive.file(JOB_FILE, serde_json::to_vec(job)?);
    let file = NamedTempFile::new().context("making a file for the initramfs")?;
    fs::write(file.path(), archive.into_bytes()).context("writing the initramfs")?;
    Ok(file)
}

/// A directory's type and permissions.
const FOLDER: u32 = 0o040_755;
/// A character device's type and permissions.
const DEVICE: u32 = 0o020_600;
/// A program's type and permissions.
const PROGRAM: u32 = 0o100_755;
/// A plain file's type and permissions.
const FILE: u32 = 0o100_644;

struct Entry {
    mode: u32,
    device: (u32, u32),
    data: Vec<u8>,
}

/// An archive under construction. Directories are added as files need them.
#[derive(Default)]
struct Archive(BTreeMap<String, Entry>);

impl Archive {
    /// Creates an archive with the devices that the kernel opens before anything is mounted.
    fn new() -> Self {
        let mut archive = Self::default();
        archive.add("dev/console", DEVICE, (5, 1), Vec::new());
        archive.add("dev/null", DEVICE, (1, 3), Vec::new());
        archive
    }

    /// Add a program at an absolute path.
    fn program(&mut self, path: &str, data: &[u8]) {
        self.add(path.trim_start_matches('/'), PROGRAM, (0, 0), data.to_vec());
    }

    /// Add a file at an absolute path.
    fn file(&mut self, path: &str, data: Vec<u8>) {
        self.add(path.trim_start_matches('/'), FILE, (0, 0), data);
    }

    fn add(&mut self, path: &str, mode: u32, device: (u32, u32), data: Vec<u8>) {
        for (at, _) in path.match_indices('/') {
            let directory = path.get(..at).unwrap_or_default().to_owned();
            self.0.entry(directory).or_insert(Entry { mode: FOLDER, device: (0, 0), data: Vec::new() });
        }
        self.0.insert(path.to_owned(), Entry { mode, device, data });
    }

    /// The archive's bytes. Sorted by name, each directory comes before its content.
    fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, (name, entry)) in (1..).zip(&self.0) {
            append(&mut bytes, number, name, entry);
        }
        append(&mut bytes, 0, "TRAILER!!!", &Entry { mode: 0, device: (0, 0), data: Vec::new() });
        bytes
    }
}

/// Appends one entry as described in `Documentation/driver-api/early-userspace/buffer-format.rst`.
fn append(bytes: &mut Vec<u8>, inode: usize, name: &str, entry: &Entry) {
    let (mode, (major, minor)) = (entry.mode, entry.device);
    let (size, name_size) = (entry.data.len(), name.len() + 1);
    // uid, gid, links and time. The numbers of its device and the checksum are zero.
    let head = format!("070701{inode:08x}{mode:08x}{:08x}{:08x}{:08x}{:08x}{size:08x}", 0, 0, 1, 0);
    let tail = format!("{:08x}{:08x}{major:08x}{minor:08x}{name_size:08x}{:08x}", 0, 0, 0);
    bytes.extend_from_slice(format!("{head}{tail}{name}\0").as_bytes());
    pad(bytes);
    bytes.extend_from_slice(&entry.data);
    pad(bytes);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::Archive;

    #[test]
    fn puts_directories_before_files_and_aligns_everything() {
        let mut archive = Archive::new();
        archive.program("/bin/hog", b"12345");
        archive.file("/job.json", b"{}".to_vec());
        let bytes = archive.into_bytes();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes);
        let names =
            ["bin\0", "bin/hog\0", "dev\0", "dev/console\0", "dev/null\0", "job.json\0", "TRAILER!!!\0"];
        let places: Vec<usize> = names.iter().map(|name| text.find(name).unwrap()).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(text.matches("070701").count(), names.len());
    }
}
