//! Writes pages to files.

use std::{
    fs::OpenOptions,
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    exit::Exit,
    experiment::result::Outcome,
    recording::MAGIC,
    report::Report,
    sink::html::{self, Overview},
    trust::Output,
};

/// The reason why there is no page.
#[derive(Debug, thiserror::Error)]
pub(in crate::cmd) enum PageError {
    /// More than one incident was selected.
    #[error("a page shows one incident, but several match; pass its number, or -1 for the last one")]
    Several,
    /// `--html` was given a recording, probably because the page's name is missing.
    #[error("{} is a recording, and a page must not replace it; pass another file", path.display())]
    Recording {
        /// The path.
        path: PathBuf,
    },
    /// Writing the file failed.
    #[error("{} could not be written: {error}", path.display())]
    Write {
        /// The path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl PageError {
    /// The exit status of a command.
    pub(in crate::cmd) fn exit(&self) -> Exit {
        match self {
            Self::Several | Self::Recording { .. } => Exit::Usage,
            Self::Write { error, .. } if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
            Self::Write { .. } => Exit::Output,
        }
    }
}

/// Writes the page of the only incident; returns the number of incidents.
pub(in crate::cmd) fn incident(
    mut reports: impl Iterator<Item = Report>,
    file: &Path,
) -> Result<u64, PageError> {
    let Some(report) = reports.next() else { return Ok(0) };
    if reports.next().is_some() {
        return Err(PageError::Several);
    }
    write(file, &html::page(&report)).map(|()| 1)
}

/// Writes the overview of incidents with their numbers; returns the number of incidents.
pub(in crate::cmd) fn overview(
    reports: impl Iterator<Item = (u64, Report)>,
    file: &Path,
) -> Result<u64, PageError> {
    let mut overview = Overview::new();
    let mut count = 0;
    for (number, report) in reports {
        overview.add(number, &report);
        count += 1;
    }
    write(file, &overview.page()).map(|()| count)
}

/// Writes the page of an experiment.
pub(in crate::cmd) fn experiment(outcome: &Outcome, file: &Path) -> Result<(), PageError> {
    write(file, &html::experiment(outcome))
}

/// Writes to the file, or to standard output if it is `-`.
fn write(file: &Path, page: &str) -> Result<(), PageError> {
    if is_recording(file) {
        return Err(PageError::Recording { path: file.to_owned() });
    }
    let written = if file == Path::new("-") {
        let mut output = io::stdout();
        output.write_all(page.as_bytes()).and_then(|()| output.flush())
    } else {
        Output::find(file).map_err(io::Error::from).and_then(|output| output.write(page.as_bytes()))
    };
    written.map_err(|error| PageError::Write { path: file.to_owned(), error })
}

/// Only a regular file is read, so that a pipe cannot block.
fn is_recording(path: &Path) -> bool {
    let mut begins = [0; MAGIC.len()];
    let open = || OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let read = |begins: &mut [u8]| open()?.read_exact(begins);
    path.is_file() && read(&mut begins).is_ok() && begins == MAGIC
}

#[cfg(test)]
mod tests {
    use std::iter::{empty, repeat_n};

    use super::{PageError, incident, overview};
    use crate::{exit::Exit, recording::header, sink::terminal::example};

    #[test]
    fn writes_a_page_of_one_incident_only() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("page.html");
        assert_eq!(incident(empty(), &file).unwrap(), 0);
        assert!(matches!(incident(repeat_n(example::memcg_kill(), 2), &file), Err(PageError::Several)));
        assert!(!file.exists());
        assert_eq!(incident(repeat_n(example::memcg_kill(), 1), &file).unwrap(), 1);
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("<!DOCTYPE html>"));
        let error = incident(repeat_n(example::memcg_kill(), 1), directory.path()).unwrap_err();
        assert!(error.to_string().contains("could not be written"), "{error}");
    }

    #[test]
    fn does_not_replace_a_recording_with_a_page() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("oom.oomtrace");
        std::fs::write(&file, header()).unwrap();
        for error in [
            incident(repeat_n(example::memcg_kill(), 1), &file).unwrap_err(),
            overview(empty(), &file).unwrap_err(),
        ] {
            assert!(matches!(error, PageError::Recording { .. }) && error.exit() == Exit::Usage, "{error}");
        }
        assert_eq!(std::fs::read(&file).unwrap(), header());
    }

    #[test]
    fn writes_an_overview_of_any_number_of_incidents() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("page.html");
        assert_eq!(overview(empty(), &file).unwrap(), 0);
        let reports = (1..).zip(repeat_n(example::memcg_kill(), 3));
        assert_eq!(overview(reports, &file).unwrap(), 3);
        assert!(std::fs::read_to_string(&file).unwrap().contains("3 kills in 3 incidents"));
    }
}
