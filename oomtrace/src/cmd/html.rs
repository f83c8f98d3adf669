//! Pages in files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    exit::Exit,
    experiment::result::Outcome,
    report::Report,
    sink::html::{self, Overview},
};

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    /// It is not clear of which incident.
    #[error("a page is of one incident, and several fit: name it by its number, or take the last with -1")]
    Several,
    /// The file failed.
    #[error("{} could not be written: {error}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl PageError {
    /// The status that a command ends with.
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Several => Exit::Usage,
            Self::Write { .. } => Exit::Output,
        }
    }
}

/// Writes the page of the only incident; how many there were.
pub(super) fn incident(mut reports: impl Iterator<Item = Report>, file: &Path) -> Result<u64, PageError> {
    let Some(report) = reports.next() else { return Ok(0) };
    if reports.next().is_some() {
        return Err(PageError::Several);
    }
    write(file, &html::page(&report)).map(|()| 1)
}

/// Writes the overview of incidents with their numbers; how many there were.
pub(super) fn overview(reports: impl Iterator<Item = (u64, Report)>, file: &Path) -> Result<u64, PageError> {
    let mut overview = Overview::new();
    let mut told = 0;
    for (number, report) in reports {
        overview.add(number, &report);
        told += 1;
    }
    write(file, &overview.page()).map(|()| told)
}

/// Writes the page of an experiment.
pub(super) fn experiment(outcome: &Outcome, file: &Path) -> Result<(), PageError> {
    write(file, &html::experiment(outcome))
}

fn write(file: &Path, page: &str) -> Result<(), PageError> {
    fs::write(file, page).map_err(|error| PageError::Write { path: file.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use std::iter::{empty, repeat_n};

    use super::{PageError, incident, overview};
    use crate::sink::terminal::example;

    #[test]
    fn a_page_is_of_one_incident() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        assert_eq!(incident(empty(), &file).unwrap(), 0);
        assert!(matches!(incident(repeat_n(example::memcg_kill(), 2), &file), Err(PageError::Several)));
        assert!(!file.exists());
        assert_eq!(incident(repeat_n(example::memcg_kill(), 1), &file).unwrap(), 1);
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("<!DOCTYPE html>"));
        let error = incident(repeat_n(example::memcg_kill(), 1), folder.path()).unwrap_err();
        assert!(error.to_string().contains("could not be written"), "{error}");
    }

    #[test]
    fn an_overview_is_of_any_number() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        assert_eq!(overview(empty(), &file).unwrap(), 0);
        let reports = (1..).zip(repeat_n(example::memcg_kill(), 3));
        assert_eq!(overview(reports, &file).unwrap(), 3);
        assert!(std::fs::read_to_string(&file).unwrap().contains("3 kills in 3 incidents"));
    }
}
