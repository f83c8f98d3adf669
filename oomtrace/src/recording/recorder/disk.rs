//! The file being written.
//!
//! Writes bypass the page cache (`O_DIRECT`), because there may be no memory for a page. They go to blocks that `fallocate`
//! reserved, so that the file system need not search for space. They are whole blocks that are never written again, so a write
//! that a power cut interrupts damages only itself. A file system without the first two gets ordinary writes.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::PathBuf,
    time::Instant,
};

use rustix::fs::{FallocateFlags, OFlags, fallocate, fcntl_getfl, fcntl_setfl, fstat};
use time::OffsetDateTime;

use super::{Place, Rotation, directory::Directory, head::Head};
use crate::recording::{Blocks, HEADER_BYTES, header};

/// Blocks that are copied and written at a time: 128 KiB, which stay in memory.
const WRITE_BLOCKS: usize = 32;

/// A place and the current file in it.
pub(super) struct Disk {
    place: Place,
    head: Head,
    file: Option<Open>,
    blocks: Blocks,
    /// A file that could not be removed to make room.
    pub(super) left: Option<(PathBuf, io::Error)>,
    /// The directory for new files, locked while recording.
    directory: Directory,
}

struct Open {
    file: File,
    name: OsString,
    begun: Instant,
    /// Offset of the next block.
    offset: u64,
    /// The end of the last record.
    end: u64,
    reserved: u64,
    /// The number of bytes reserved beyond that.
    ahead: u64,
}

impl Disk {
    pub(super) fn open(place: Place) -> io::Result<Self> {
        let (directory, blocks) = (Directory::open(&place)?, Blocks::new(WRITE_BLOCKS));
        let mut disk = Self { place, head: Head::default(), file: None, blocks, left: None, directory };
        disk.begin()?;
        Ok(disk)
    }

    /// The file's name, or the place's name if there is no file.
    pub(super) fn name(&self) -> String {
        let place = match &self.place {
            Place::File(path) | Place::Directory(path, _) => path,
        };
        let path = self.file.as_ref().map(|file| self.directory.path(&file.name));
        path.as_ref().unwrap_or(place).display().to_string()
    }

    /// Replaces the limits of a directory.
    pub(super) const fn rotate_at(&mut self, new: Rotation) {
        if let Place::Directory(_, rotation) = &mut self.place {
            *rotation = new;
        }
    }

    /// Writes records to disk. Records that failed are not on disk and can be written again.
    pub(super) fn write(&mut self, records: &[u8], settled: bool) -> io::Result<()> {
        if self.file.as_ref().is_some_and(Open::is_gone) {
            self.file = None;
        }
        let full = |file: &Open| self.place.is_full(file.offset, file.begun.elapsed(), settled);
        if self.file.as_ref().is_some_and(full) {
            self.close()?;
        }
        if self.file.is_none() {
            self.begin()?;
        }
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("no file is open"))?;
        file.append(records, &mut self.blocks)?;
        self.head.keep(records);
        Ok(())
    }

    /// Creates the next file and writes its head.
    fn begin(&mut self) -> io::Result<()> {
        self.directory.follow(&self.place)?;
        let name = self.place.next_name(|| self.directory.names(), OffsetDateTime::now_utc())?;
        let file = create(&self.directory, &name)?;
        let mut file = Open {
            file,
            name,
            begun: Instant::now(),
            offset: 0,
            end: 0,
            reserved: 0,
            ahead: self.place.ahead_bytes(),
        };
        // The first file gets the session as the stream's first frame.
        let head = [header().as_slice(), &self.head.records()].concat();
        if let Err(error) = file.append(&head, &mut self.blocks) {
            // Creating a file is tried again every second, so incomplete files must not accumulate. If it cannot be removed, it
            // is empty.
            let _ = self.directory.remove(&file.name);
            return Err(error);
        }
        self.directory.sync();
        self.left = self.directory.prune(&self.place, &file.name);
        self.file = Some(file);
        Ok(())
    }

    /// Releases the reserved space and the padding at the end. A file without records is removed, because it would block the
    /// next attempt.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let Some(open) = self.file.take() else { return Ok(()) };
        if open.end <= bytes(HEADER_BYTES) && open.is_in(&self.directory) {
            return self.directory.remove(&open.name);
        }
        open.file.set_len(open.end)?;
        open.file.sync_data()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // If this fails, the padding at the end stays, which the reader knows.
        let _ = self.close();
    }
}

fn create(directory: &Directory, name: &OsStr) -> io::Result<File> {
    let file = directory.create(name)?;
    // tmpfs and other file systems do not support direct I/O. They get ordinary writes.
    if let Ok(flags) = fcntl_getfl(&file) {
        let _ = fcntl_setfl(&file, flags | OFlags::DIRECT);
    }
    Ok(file)
}

impl Open {
    /// Whether the file was removed; later writes would then be lost when the process exits.
    fn is_gone(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }

    /// Whether the name still refers to this file.
    fn is_in(&self, directory: &Directory) -> bool {
        let (named, own) = (directory.stat(&self.name), fstat(&self.file));
        named.is_ok_and(|named| own.is_ok_and(|own| (own.st_dev, own.st_ino) == (named.st_dev, named.st_ino)))
    }

    fn append(&mut self, records: &[u8], blocks: &mut Blocks) -> io::Result<()> {
        self.reserve(records.len());
        let (mut at, mut rest) = (self.offset, records);
        while !rest.is_empty() {
            let (whole, left) = blocks.fill(rest);
            self.write_at(whole, at)?;
            at += bytes(whole.len());
            rest = left;
        }
        self.file.sync_data()?;
        self.end = self.offset + bytes(records.len());
        self.offset = at;
        Ok(())
    }

    fn write_at(&self, whole: &[u8], at: u64) -> io::Result<()> {
        match self.file.write_all_at(whole, at) {
            // A disk with larger blocks rejects direct writes of this size.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                let flags = fcntl_getfl(&self.file)?;
                fcntl_setfl(&self.file, flags - OFlags::DIRECT)?;
                self.file.write_all_at(whole, at)
            }
            written => written,
        }
    }

    /// Reserves space ahead of the written records. If that fails, the write itself reports the error.
    fn reserve(&mut self, length: usize) {
        let wanted = self.offset + bytes(length);
        if wanted + self.ahead / 2 > self.reserved {
            let from = self.reserved;
            let more = wanted + self.ahead - from;
            if fallocate(&self.file, FallocateFlags::KEEP_SIZE, from, more).is_ok() {
                self.reserved = from + more;
            }
        }
    }
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
