//! Reads several recordings as one stream.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use oomtrace_common::frame::Kind;

use super::{Batch, Ended, Source, SourceError, replay::Replay};
use crate::{
    context::{self, Session},
    forecast::Announcement,
    frame::Frame,
    recording::{ReadError, Reader, directory},
};

/// The frames of several files.
/// An error in a file is returned after the frames that come before it. The next call continues with the next file.
pub struct Recordings {
    files: VecDeque<Found>,
    current: Option<(PathBuf, Replay<BufReader<File>>)>,
    /// An error for the next call, after the frames that come before it.
    torn: Option<SourceError>,
    /// The beginning of the current file.
    begun: Option<Begun>,
    unclosed: Vec<Unclosed>,
    /// The last forecast of the files so far, and the boot in which it was made. A recorder announces an approach once, and may begin
    /// another file afterwards.
    forecast: Option<(Option<String>, Box<context::Forecast>)>,
}

/// Maximum number of recordings that are remembered because their recorders did not close them.
const UNCLOSED: usize = 64;

/// A recording that its recorder did not close: the recorder is still running, it was killed, or the machine stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclosed {
    /// The file.
    pub path: PathBuf,
    /// The boot in which it was made.
    pub boot_id: Option<String>,
    /// Wall-clock time of the last frame, Unix time in ns.
    pub last_ns: i128,
    /// `vm.panic_on_oom` when the recorder started.
    pub panic_on_oom: Option<i64>,
    /// The last forecast of memory that runs out. It may be old, or about another cgroup.
    pub forecast: Option<Box<Announcement>>,
}

/// The first frame of a file, and the time of the last frame and the last forecast so far.
struct Begun {
    session: Session,
    last_boot_ns: u64,
    forecast: Option<Box<context::Forecast>>,
}

impl Begun {
    fn new(frame: &Frame<'_>) -> Option<Self> {
        let session = serde_json::from_slice(frame.payload).ok()?;
        Some(Self { session, last_boot_ns: frame.header.boot_ns, forecast: None })
    }

    fn note(&mut self, frame: &Frame<'_>) {
        self.last_boot_ns = self.last_boot_ns.max(frame.header.boot_ns);
        if frame.header.kind == Kind::Forecast.number() {
            self.forecast = serde_json::from_slice(frame.payload).ok().or(self.forecast.take());
        }
    }
}

/// A file, and whether it was listed from a directory, where others may have put it.
struct Found {
    path: PathBuf,
    listed: bool,
}

impl Recordings {
    /// Finds these files, and the recordings in these directories, oldest first.
    ///
    /// # Errors
    ///
    /// If a path does not exist, or a directory contains no recording.
    pub fn find(paths: &[PathBuf]) -> Result<Self, SourceError> {
        let mut files = VecDeque::new();
        for path in paths {
            let found = find(path).map_err(|error| in_file(path, ReadError::Open(error)))?;
            if found.is_empty() {
                return Err(SourceError::EmptyDirectory { path: path.clone() });
            }
            files.extend(found);
        }
        Ok(Self { files, current: None, torn: None, begun: None, unclosed: Vec::new(), forecast: None })
    }

    /// Returns the recordings that were read to their end and that their recorders did not close.
    #[must_use]
    pub fn unclosed(&self) -> &[Unclosed] {
        &self.unclosed
    }

    /// Records the session, the time of the last frame and the last forecast.
    fn note(&mut self, batch: &[u8]) {
        for (frame, _) in Frame::each(batch) {
            match &mut self.begun {
                Some(begun) => begun.note(&frame),
                None if frame.header.kind == Kind::Session.number() => self.begun = Begun::new(&frame),
                None => {}
            }
        }
    }

    /// Ends the current file.
    fn end(&mut self, path: PathBuf, closed: bool) {
        let Some(begun) = self.begun.take() else { return };
        let Begun { session, last_boot_ns, forecast } = begun;
        if let Some(forecast) = forecast {
            self.forecast = Some((session.boot_id.clone(), forecast));
        }
        if !closed && self.unclosed.len() < UNCLOSED {
            let of_boot = self.forecast.as_ref().filter(|(boot_id, _)| *boot_id == session.boot_id);
            let forecast = of_boot.and_then(|(_, forecast)| Announcement::new(forecast, Some(&session)));
            self.unclosed.push(Unclosed {
                path,
                last_ns: session.wall_ns(last_boot_ns),
                boot_id: session.boot_id,
                panic_on_oom: session.sysctls.get("panic_on_oom").copied(),
                forecast: forecast.map(Box::new),
            });
        }
    }

    fn open(&mut self) -> Result<bool, SourceError> {
        let Some(Found { path, listed }) = self.files.pop_front() else { return Ok(false) };
        let opened = if listed { open_listed(&path) } else { open(&path) };
        let opened = opened.map_err(|error| in_file(&path, error))?;
        self.current = Some((path, Replay::new(opened)));
        Ok(true)
    }
}

impl Source for Recordings {
    fn next(&mut self, deadline: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
        batch.clear();
        if let Some(error) = self.torn.take() {
            return Err(error);
        }
        let Some((path, mut replay)) = self.current.take() else {
            let more = self.open()?;
            return Ok(if more { Batch::Frames } else { Batch::Last(Ended::Recording) });
        };
        let result = match replay.next(deadline, batch) {
            Ok(Batch::Frames) => {
                self.note(batch);
                self.current = Some((path, replay));
                return Ok(Batch::Frames);
            }
            Ok(Batch::Last(_)) => {
                self.note(batch);
                let torn_at = replay.torn_at();
                self.torn = torn_at.map(|offset| in_file(&path, ReadError::Torn { offset }));
                self.end(path, replay.closed());
                Ok(Batch::Frames)
            }
            Err(SourceError::Recording(error)) => Err(in_file(&path, error)),
            Err(error) => Err(error),
        };
        self.begun = None;
        result
    }
}

fn in_file(path: &Path, error: ReadError) -> SourceError {
    SourceError::InFile { path: path.to_owned(), error }
}

fn find(path: &Path) -> io::Result<Vec<Found>> {
    let listed = std::fs::metadata(path)?.is_dir();
    let paths = if listed { directory::files(path)? } else { vec![path.to_owned()] };
    Ok(paths.into_iter().map(|path| Found { path, listed }).collect())
}

fn open_listed(path: &Path) -> Result<Reader<BufReader<File>>, ReadError> {
    Reader::new(buffered(directory::open(path).map_err(ReadError::Open)?))
}

fn buffered(file: File) -> BufReader<File> {
    BufReader::with_capacity(1 << 16, file)
}

/// Opens a recording.
///
/// # Errors
///
/// If the file is not a recording, or cannot be read.
pub fn open(path: &Path) -> Result<Reader<BufReader<File>>, ReadError> {
    let file = File::open(path).map_err(ReadError::Open)?;
    // A directory can be opened, but not read.
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(ReadError::Open(io::ErrorKind::IsADirectory.into()));
    }
    Reader::new(buffered(file))
}
