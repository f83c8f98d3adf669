//! The numbered and filtered incidents of recordings, as `list`, `show` and other commands read them.

use std::{collections::VecDeque, path::PathBuf, time::SystemTime};

use anyhow::{Context as _, Result};

use super::say::say;
use crate::{
    cli::{Only, When},
    cmd::filter,
    exit::Exit,
    incident::Incident,
    pipeline::{Filter, Incidents, PipelineError},
    recording::ReadError,
    redact::Redact,
    report::{Report, report},
    source::{
        Source, SourceError,
        following::Following,
        recordings::{Recordings, Unclosed},
    },
};

/// The directory that the service records to.
const USUAL_DIRECTORY: &str = "/var/lib/oomtrace";

/// No incident to show.
#[derive(Debug, thiserror::Error)]
pub(in crate::cmd) enum NotHeld {
    /// No incident with that number.
    #[error("no incident {number}: the recordings contain {count}")]
    Number {
        /// The requested number.
        number: u64,
        /// Number of incidents in the recordings.
        count: u64,
    },
    /// No incident matches.
    #[error("none of the {count} incidents in the recordings matches")]
    Fitting {
        /// Number of incidents in the recordings.
        count: u64,
    },
}

/// An error: `--follow` with several places.
#[derive(Debug, thiserror::Error)]
#[error("--follow takes one recording or one directory")]
pub(in crate::cmd) struct OnePlace;

/// The reports of recordings with their numbers, in the order of decisions. Only one incident is in memory at a time.
/// If a file cannot be read, the error and its position are printed to standard error, and reading continues with the next file.
pub(in crate::cmd) struct History<S = Recordings> {
    incidents: Incidents<S>,
    picked: Picked,
    count: u64,
    firsts: Firsts,
    exit: Exit,
}

/// The numbers of the latest incidents that a chain may have begun with, by their time.
#[derive(Default)]
struct Firsts(VecDeque<(u64, u64)>);

impl Firsts {
    /// Number of incidents to remember: more than the number of chains that the assembler remembers.
    const KEPT: usize = 256;

    /// Adds an incident, and returns the number of the first incident of its chain.
    fn take(&mut self, number: u64, incident: &Incident) -> Option<u64> {
        let first_ns = incident.chain.as_ref().map_or(incident.boot_ns, |chain| chain.first_ns);
        let known = self.0.iter().rposition(|(at, _)| *at == first_ns).filter(|_| incident.chain.is_some());
        let first = known.and_then(|index| self.0.remove(index)).map(|(_, number)| number);
        if let Some(number) = first.or_else(|| incident.chain.is_none().then_some(number)) {
            self.0.push_back((first_ns, number));
        }
        if self.0.len() > Self::KEPT {
            self.0.pop_front();
        }
        first
    }
}

/// The incidents to return.
struct Picked {
    number: Option<u64>,
    since_ns: Option<i128>,
    until_ns: Option<i128>,
    filter: Filter,
}

impl History {
    /// Opens these files and directories, or the default directory. Returns all incidents, or the one with that number.
    pub(in crate::cmd) fn open(
        paths: &[PathBuf],
        number: Option<u64>,
        when: When,
        only: &Only,
    ) -> Result<Self> {
        Ok(Self::over(find(paths)?, number, when, only))
    }

    /// Returns the recordings from earlier boots that their recorders did not close.
    pub(in crate::cmd) fn cut_short(&self, boot_id: Option<&str>) -> impl Iterator<Item = &Unclosed> {
        let other =
            move |unclosed: &&Unclosed| unclosed.boot_id.is_some() && unclosed.boot_id.as_deref() != boot_id;
        self.incidents.source().unclosed().iter().filter(other)
    }
}

impl History<Following> {
    /// Opens this file or directory, or the default directory. Returns its incidents, and waits for more.
    pub(in crate::cmd) fn follow(paths: &[PathBuf], when: When, only: &Only) -> Result<Self> {
        let places = read_from(paths);
        let [place] = places.as_slice() else { return Err(OnePlace.into()) };
        let following = Following::new(place).map_err(PipelineError::from)?;
        Ok(Self::over(following, None, when, only))
    }
}

impl<S: Source> History<S> {
    /// Opens these files and directories, or the default directory, and reads them through another source. It gets the period of the
    /// question, Unix time in ns.
    pub(in crate::cmd) fn through(
        paths: &[PathBuf],
        when: When,
        source: impl FnOnce(Recordings, (i128, i128)) -> S,
    ) -> Result<Self> {
        let recordings = find(paths)?;
        let now = SystemTime::now();
        let unix_ns = |moment: Option<crate::cli::Moment>| moment.map(|moment| moment.unix_ns(now));
        let since_ns = unix_ns(when.since).unwrap_or(i128::MIN);
        let source = source(recordings, (since_ns, unix_ns(when.until).unwrap_or(i128::MAX)));
        Ok(Self::over(source, None, when, &Only::default()))
    }

    /// The source.
    pub(in crate::cmd) const fn source(&self) -> &S {
        self.incidents.source()
    }

    fn over(source: S, number: Option<u64>, when: When, only: &Only) -> Self {
        let now = SystemTime::now();
        let unix_ns = |moment: Option<crate::cli::Moment>| moment.map(|moment| moment.unix_ns(now));
        let picked = Picked {
            number,
            since_ns: unix_ns(when.since),
            until_ns: unix_ns(when.until),
            filter: filter(only),
        };
        Self {
            incidents: Incidents::new(source),
            picked,
            count: 0,
            firsts: Firsts::default(),
            exit: Exit::Success,
        }
    }

    /// Sets how much of command lines to hide.
    pub(in crate::cmd) fn redacting(mut self, redact: Redact) -> Self {
        self.incidents = self.incidents.redacting(redact);
        self
    }

    /// Number of incidents read so far, including those that did not match.
    pub(in crate::cmd) const fn seen(&self) -> u64 {
        self.count
    }

    /// The exit status after the last incident.
    pub(in crate::cmd) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints an error. A recording that ends in the middle of a record is not a failure: the recorder was killed.
    fn tell(&mut self, error: &PipelineError) {
        if !matches!(error, PipelineError::Source(SourceError::InFile { error: ReadError::Torn { .. }, .. }))
        {
            self.exit = Exit::Input;
        }
        let causes: Vec<String> = anyhow::Chain::new(error).map(ToString::to_string).collect();
        say(causes.join(": "));
    }
}

impl<S: Source> Iterator for History<S> {
    type Item = (u64, Report);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.incidents.next()? {
                Ok(incident) => {
                    self.count += 1;
                    let first = self.firsts.take(self.count, &incident);
                    if let Some(mut report) = self.picked.report(self.count, &incident) {
                        if let Some(chain) = &mut report.chain {
                            chain.number = first;
                        }
                        return Some((self.count, report));
                    }
                }
                Err(error) => self.tell(&error),
            }
        }
    }
}

/// The given paths, or the default directory.
pub(in crate::cmd) fn read_from(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.is_empty() { vec![PathBuf::from(USUAL_DIRECTORY)] } else { paths.to_vec() }
}

fn find(paths: &[PathBuf]) -> Result<Recordings> {
    let found = Recordings::find(&read_from(paths)).map_err(PipelineError::from);
    if !paths.is_empty() {
        return Ok(found?);
    }
    found.context("no recording given, and the default directory cannot be read; pass a recording, or start one with \"oomtrace record --dir /var/lib/oomtrace\"")
}

impl Picked {
    /// Returns the report if the incident matches. The cheap checks come first.
    fn report(&self, number: u64, incident: &Incident) -> Option<Report> {
        let timed = self.since_ns.is_some() || self.until_ns.is_some();
        let wall_ns = incident.wall_ns();
        let fits = self.number.is_none_or(|wanted| wanted == number)
            && (!timed || wall_ns.is_some())
            && self.since_ns.zip(wall_ns).is_none_or(|(since, at)| at >= since)
            && self.until_ns.zip(wall_ns).is_none_or(|(until, at)| at <= until);
        fits.then(|| report(incident)).filter(|report| (self.filter)(report))
    }
}
