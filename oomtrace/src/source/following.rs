//! A recording that is still being written, or a directory of them, as a source that waits for more.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, Read as _, Seek as _, SeekFrom},
    os::fd::{AsFd as _, OwnedFd},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Batch, Ended, Source, SourceError};
use crate::recording::{FRAME_BYTES_MAX, ReadError, Reader, directory};

/// Time between two looks at the file and its directory.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// How often the same damage is seen before it is reported. A file that is being written can look damaged for a moment.
const LOOKS: u32 = 10;

/// Bytes of a file that are read at a time. The largest frame fits.
const READ_BYTES: u64 = 4 * FRAME_BYTES_MAX as u64;

/// The frames of a recording, then those that its recorder appends. In a directory, the next file follows. It ends if the output has no
/// reader any more, or if nothing more can follow.
pub(crate) struct Following {
    place: PathBuf,
    is_directory: bool,
    /// The output of the program.
    output: OwnedFd,
    current: Option<Current>,
    /// The files that were opened, or that cannot be.
    seen: BTreeSet<PathBuf>,
    /// What is wrong with the end of the file before the current one. Its frames come first.
    pending: Option<SourceError>,
    /// The directory could not be listed.
    is_gone: bool,
}

/// The file that is being read.
struct Current {
    path: PathBuf,
    file: File,
    /// The end of the last frame that was read; 0 before the header.
    offset: u64,
    /// Reading stopped here. More may follow if the recorder had not finished writing.
    broken: Option<ReadError>,
    /// How often in a row reading stopped at this offset.
    looks: u32,
    /// The file ends inside a record.
    is_torn: bool,
    /// It is not a recording, it is damaged, or reading it failed.
    is_unreadable: bool,
}

impl Following {
    /// Follows a file, or the files of a directory, oldest first.
    ///
    /// # Errors
    ///
    /// If the path does not exist, or no descriptor is free.
    pub(crate) fn new(place: &Path) -> Result<Self, SourceError> {
        let open = |error| in_file(place, ReadError::Open(error));
        let is_directory = std::fs::metadata(place).map_err(open)?.is_dir();
        let output = io::stdout().as_fd().try_clone_to_owned().map_err(open)?;
        let (place, seen) = (place.to_owned(), BTreeSet::new());
        Ok(Self { place, is_directory, output, current: None, seen, pending: None, is_gone: false })
    }

    /// Opens the next file, if there is one.
    fn next_file(&mut self) -> Result<Option<Current>, SourceError> {
        let Some(path) = self.next_path()? else { return Ok(None) };
        let opened = if self.is_directory { directory::open(&path) } else { File::open(&path) };
        match opened {
            Ok(file) => {
                self.seen.insert(path.clone());
                Ok(Some(Current::new(path, file)))
            }
            Err(error) if may_pass(&error) => Ok(None),
            Err(error) => {
                // It is skipped.
                self.seen.insert(path.clone());
                Err(in_file(&path, ReadError::Open(error)))
            }
        }
    }

    fn next_path(&mut self) -> Result<Option<PathBuf>, SourceError> {
        if !self.is_directory {
            return Ok(self.seen.is_empty().then(|| self.place.clone()));
        }
        match directory::files(&self.place) {
            Ok(files) => {
                self.seen.retain(|path| files.contains(path));
                Ok(files.into_iter().find(|path| !self.seen.contains(path)))
            }
            Err(error) if may_pass(&error) => Ok(None),
            Err(error) => {
                self.is_gone = true;
                Err(in_file(&self.place, ReadError::Open(error)))
            }
        }
    }

    /// Reads what is there now, and goes on to the next file once the current one has no more. Returns false if it must wait.
    fn advance(&mut self, batch: &mut Vec<u8>) -> Result<bool, SourceError> {
        if let Some(current) = &mut self.current
            && current.read(batch)?
        {
            return Ok(true);
        }
        let Some(next) = self.next_file()? else { return Ok(false) };
        let Some(mut last) = self.current.replace(next) else { return Ok(true) };
        // The recorder may have finished the file after it was read and before the directory was listed.
        while last.read(batch)? {}
        self.pending = last.damage().map(|error| in_file(&last.path, error));
        Ok(true)
    }

    /// Whether no frame can follow: the directory is gone, or the only file is not a recording, is damaged, was deleted or was cut.
    fn is_over(&self) -> bool {
        self.is_gone
            || !self.is_directory
                && self.current.as_ref().is_some_and(|current| {
                    let ends = |file: std::fs::Metadata| file.nlink() == 0 || file.len() < current.offset;
                    current.is_unreadable || current.file.metadata().is_ok_and(ends)
                })
    }

    /// Waits. Returns false if the output has no reader any more.
    fn pause(&self) -> bool {
        let mut output = [PollFd::new(&self.output, PollFlags::empty())];
        // Another error than a signal is not possible here, and would be seen when the next line is written.
        let _ = poll(&mut output, Some(&PAUSE));
        !output.iter().any(|output| output.revents().intersects(PollFlags::HUP | PollFlags::ERR))
    }
}

/// Whether opening may succeed later: the process or the machine is short of descriptors or of memory.
fn may_pass(error: &io::Error) -> bool {
    let errors = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EINTR];
    error.raw_os_error().is_some_and(|number| errors.contains(&number))
}

impl Current {
    const fn new(path: PathBuf, file: File) -> Self {
        Self { path, file, offset: 0, broken: None, looks: 0, is_torn: false, is_unreadable: false }
    }

    /// What is wrong with the end of a file to which nothing is appended any more.
    fn damage(&mut self) -> Option<ReadError> {
        let torn = ReadError::Torn { offset: self.offset };
        self.broken.take().or_else(|| self.is_torn.then_some(torn))
    }

    /// Appends the next frames to the batch, and returns whether there were any. An error is returned once.
    fn read(&mut self, batch: &mut Vec<u8>) -> Result<bool, SourceError> {
        if self.is_unreadable {
            return Ok(false);
        }
        let read = self.try_read(batch);
        self.is_unreadable = read.is_err();
        read.map_err(|error| in_file(&self.path, error))
    }

    fn try_read(&mut self, batch: &mut Vec<u8>) -> Result<bool, ReadError> {
        let (before, offset) = (batch.len(), self.offset);
        self.file.seek(SeekFrom::Start(offset)).map_err(|error| ReadError::Io { offset, error })?;
        let input = BufReader::new((&self.file).take(READ_BYTES));
        let mut reader = if offset == 0 { Reader::new(input)? } else { Reader::resume(input, offset) };
        self.broken = loop {
            match reader.next(batch) {
                Ok(true) => self.offset = reader.offset(),
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
        };
        self.is_torn = reader.torn();
        // A file system may recover from an I/O error.
        let is_damaged = self.broken.as_ref().is_some_and(|error| !matches!(error, ReadError::Io { .. }));
        let is_same = is_damaged && self.offset == offset;
        self.looks = if is_same { self.looks + 1 } else { 0 };
        if let Some(error) = self.broken.take_if(|_| self.looks >= LOOKS) {
            return Err(error);
        }
        Ok(batch.len() > before)
    }
}

impl Source for Following {
    fn next(&mut self, _deadline: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
        batch.clear();
        while batch.is_empty() {
            if let Some(error) = self.pending.take() {
                return Err(error);
            }
            let has_read = self.advance(batch)?;
            if !has_read && self.is_over() {
                return Ok(Batch::Last(Ended::Recording));
            }
            if !has_read && !self.pause() {
                return Ok(Batch::Last(Ended::NoReader));
            }
        }
        Ok(Batch::Frames)
    }
}

fn in_file(path: &Path, error: ReadError) -> SourceError {
    SourceError::InFile { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::Following;
    use crate::{
        frame::Frame,
        recording::{append, header},
        source::{Batch, Ended, Source as _},
    };

    /// A frame whose payload is this byte, eight times.
    fn record(byte: u8) -> Vec<u8> {
        let mut records = Vec::new();
        let frame =
            crate::frame::context_frame(oomtrace_common::frame::Kind::Tick, u64::from(byte), 0, &byte);
        assert!(append(&frame, &mut records));
        records
    }

    fn times(following: &mut Following) -> Vec<u64> {
        let mut batch = Vec::new();
        following.next(None, &mut batch).unwrap();
        Frame::each(&batch).map(|(frame, _)| frame.header.boot_ns).collect()
    }

    #[test]
    fn continues_after_padding_an_unfinished_record_and_rotation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("1.oomtrace");
        let mut file = fs::File::create(&path).unwrap();
        let mut block = [header().as_slice(), &record(1)].concat();
        block.resize(4096, 0);
        file.write_all(&block).unwrap();
        let mut following = Following::new(directory.path()).unwrap();
        assert_eq!(times(&mut following), [1]);
        let mut batch = Vec::new();
        assert!(!following.advance(&mut batch).unwrap() && batch.is_empty());
        // Half of a record is not a frame yet.
        let (first, second) = (record(2), record(3));
        file.write_all(&first[..first.len() / 2]).unwrap();
        assert!(!following.advance(&mut batch).unwrap() && batch.is_empty());
        file.write_all(&first[first.len() / 2..]).unwrap();
        assert_eq!(times(&mut following), [2]);
        file.write_all(&second).unwrap();
        fs::write(directory.path().join("2.oomtrace"), [header().as_slice(), &record(4)].concat()).unwrap();
        assert_eq!(times(&mut following), [3]);
        assert_eq!(times(&mut following), [4]);
    }

    #[test]
    fn a_file_that_sorts_before_the_others_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, byte: u8| {
            let bytes = [header().as_slice(), &record(byte)].concat();
            fs::write(directory.path().join(name), bytes).unwrap();
        };
        write("web.oomtrace", 1);
        let mut following = Following::new(directory.path()).unwrap();
        assert_eq!(times(&mut following), [1]);
        write("2026.oomtrace", 2);
        assert_eq!(times(&mut following), [2]);
    }

    #[test]
    fn ends_after_a_file_that_cannot_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("1.oomtrace");
        fs::write(&path, "not a recording, but long enough for a header").unwrap();
        let mut following = Following::new(&path).unwrap();
        let mut batch = Vec::new();
        following.next(None, &mut batch).unwrap_err();
        assert_eq!(following.next(None, &mut batch).unwrap(), Batch::Last(Ended::Recording));
        fs::write(&path, [header().as_slice(), &record(1)].concat()).unwrap();
        let mut following = Following::new(&path).unwrap();
        assert_eq!(times(&mut following), [1]);
        fs::remove_file(&path).unwrap();
        assert_eq!(following.next(None, &mut batch).unwrap(), Batch::Last(Ended::Recording));
    }

    /// Looks at the files until something happens.
    fn next(following: &mut Following) -> Result<Batch, String> {
        let result = following.next(None, &mut Vec::new());
        result.map_err(|error| std::error::Error::source(&error).unwrap().to_string())
    }

    #[test]
    fn reports_damage_at_the_end_of_the_newest_file_once_and_goes_on_with_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        let mut damaged = record(2);
        damaged[8] ^= 1;
        fs::write(file("1.oomtrace"), [header().as_slice(), &record(1), &damaged].concat()).unwrap();
        let mut following = Following::new(directory.path()).unwrap();
        assert_eq!(times(&mut following), [1]);
        let said = next(&mut following).unwrap_err();
        assert!(said.contains("is damaged (its checksum does not fit)"), "{said}");
        fs::write(file("2.oomtrace"), [header().as_slice(), &record(3)].concat()).unwrap();
        assert_eq!(times(&mut following), [3]);
        // A single file ends there.
        let mut following = Following::new(&file("1.oomtrace")).unwrap();
        assert_eq!(times(&mut following), [1]);
        assert_eq!(next(&mut following).unwrap_err(), said);
        assert_eq!(next(&mut following), Ok(Batch::Last(Ended::Recording)));
    }

    #[test]
    fn what_looks_damaged_for_a_moment_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("1.oomtrace");
        let whole = [header().as_slice(), &record(1), &record(2)].concat();
        let mut partial = whole.clone();
        let end = partial.len();
        partial[end - 16..].fill(0);
        fs::write(&path, &partial).unwrap();
        let mut following = Following::new(&path).unwrap();
        assert_eq!(times(&mut following), [1]);
        let mut batch = Vec::new();
        for _ in 1..super::LOOKS {
            assert!(!following.advance(&mut batch).unwrap());
        }
        fs::write(&path, &whole).unwrap();
        assert_eq!(times(&mut following), [2]);
    }

    #[test]
    fn an_incomplete_record_is_reported_once_the_next_file_exists() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        let first = [header().as_slice(), &record(1), &record(2)[..20]].concat();
        fs::write(file("1.oomtrace"), &first).unwrap();
        let mut following = Following::new(directory.path()).unwrap();
        assert_eq!(times(&mut following), [1]);
        let mut batch = Vec::new();
        for _ in 0..2 * super::LOOKS {
            assert!(!following.advance(&mut batch).unwrap() && batch.is_empty());
        }
        fs::write(file("2.oomtrace"), [header().as_slice(), &record(3)].concat()).unwrap();
        let said = next(&mut following).unwrap_err();
        assert!(said.contains("ends inside the record"), "{said}");
        assert_eq!(times(&mut following), [3]);
    }
}
