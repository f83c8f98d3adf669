//! What `list` and `show` share: the incidents of recordings, numbered and picked.

use std::{path::PathBuf, time::SystemTime};

use anyhow::{Context as _, Result};

use super::{filter, say::say};
use crate::{
    cli::{Only, When},
    exit::Exit,
    incident::Incident,
    pipeline::{Filter, Incidents, PipelineError},
    recording::ReadError,
    redact::Redact,
    report::{Report, report},
    source::{SourceError, recordings::Recordings},
};

/// Where `record` is run as a service, it records to here.
const USUAL_FOLDER: &str = "/var/lib/oomtrace";

/// There is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotHeld {
    /// No incident of that number.
    #[error("there is no incident {number}: the recordings hold {count}")]
    Number {
        /// What was asked for.
        number: u64,
        /// How many there are.
        count: u64,
    },
    /// None that fits.
    #[error("none of the {count} incidents in the recordings fits")]
    Fitting {
        /// How many there are.
        count: u64,
    },
}

/// Reports of recordings with their numbers, in the order of decisions. One incident after the other is in memory, never all.
/// What is wrong with a file is said on standard error at its place, and the next file is read.
pub(super) struct History {
    incidents: Incidents<Recordings>,
    picked: Picked,
    count: u64,
    exit: Exit,
}

/// Which incidents are meant.
struct Picked {
    number: Option<u64>,
    since_ns: Option<i128>,
    until_ns: Option<i128>,
    filter: Filter,
}

impl History {
    /// Of these files and folders, or of the usual folder; of all incidents or the one of that number.
    pub(super) fn open(paths: &[PathBuf], number: Option<u64>, when: When, only: &Only) -> Result<Self> {
        let recordings = find(paths)?;
        let now = SystemTime::now();
        let unix_ns = |moment: Option<crate::cli::Moment>| moment.map(|moment| moment.unix_ns(now));
        let picked = Picked {
            number,
            since_ns: unix_ns(when.since),
            until_ns: unix_ns(when.until),
            filter: filter(only),
        };
        Ok(Self { incidents: Incidents::new(recordings), picked, count: 0, exit: Exit::Success })
    }

    /// Hides so much of command lines.
    pub(super) fn redacting(mut self, redact: Redact) -> Self {
        self.incidents = self.incidents.redacting(redact);
        self
    }

    /// Incidents read so far, those that were not picked among them.
    pub(super) const fn seen(&self) -> u64 {
        self.count
    }

    /// How the command ends that has read all it wanted.
    pub(super) const fn exit(&self) -> Exit {
        self.exit
    }

    /// A recording that ends in the middle of a record was stopped by force, which is what recordings are for.
    fn tell(&mut self, error: &PipelineError) {
        if !matches!(error, PipelineError::Source(SourceError::InFile { error: ReadError::Torn { .. }, .. }))
        {
            self.exit = Exit::Input;
        }
        let causes: Vec<String> = anyhow::Chain::new(error).map(ToString::to_string).collect();
        say(causes.join(": "));
    }
}

impl Iterator for History {
    type Item = (u64, Report);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.incidents.next()? {
                Ok(incident) => {
                    self.count += 1;
                    if let Some(report) = self.picked.report(self.count, &incident) {
                        return Some((self.count, report));
                    }
                }
                Err(error) => self.tell(&error),
            }
        }
    }
}

/// Where the recordings are: what was named, or the usual folder.
pub(super) fn read_from(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.is_empty() { vec![PathBuf::from(USUAL_FOLDER)] } else { paths.to_vec() }
}

fn find(paths: &[PathBuf]) -> Result<Recordings> {
    let found = Recordings::find(&read_from(paths)).map_err(PipelineError::from);
    if !paths.is_empty() {
        return Ok(found?);
    }
    found.context("no recording is named, and none is where the flight recorder usually has them")
}

impl Picked {
    /// Only what passes the cheap questions is explained.
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
