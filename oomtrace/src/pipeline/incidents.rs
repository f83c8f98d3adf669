//! Iterates over a source's complete incidents, in the order of their decisions.

use std::collections::VecDeque;

use super::PipelineError;
use crate::{
    assemble::{Assembler, Step},
    decode::decode,
    event::Event,
    explain::is_kill_for_memory,
    frame::Frame,
    incident::Incident,
    redact::Redact,
    source::{Batch, Source},
};

/// An iterator over incidents. Memory holds only open incidents and those decided after an open one.
///
/// If the source fails, the iterator returns all incidents from before the failure, and then the error. If the source continues
/// after the failure, the iterator continues as well.
pub struct Incidents<S> {
    source: S,
    assembler: Assembler,
    batch: Vec<u8>,
    /// Closed incidents that were decided after one that is still open.
    waiting: Vec<Incident>,
    ready: VecDeque<Incident>,
    broken: Option<PipelineError>,
    over: bool,
    redact: Redact,
}

impl<S: Source> Incidents<S> {
    /// Creates the iterator over a source.
    #[must_use]
    pub fn new(source: S) -> Self {
        let (assembler, ready) = (Assembler::new(is_kill_for_memory).reporting_ends_only(), VecDeque::new());
        Self {
            source,
            assembler,
            batch: Vec::new(),
            waiting: Vec::new(),
            ready,
            broken: None,
            over: false,
            redact: Redact::Nothing,
        }
    }

    /// Hides this much of command lines.
    #[must_use]
    pub const fn redacting(mut self, redact: Redact) -> Self {
        self.redact = redact;
        self
    }

    /// The source.
    pub const fn source(&self) -> &S {
        &self.source
    }

    fn read_on(&mut self) {
        match self.source.next(self.assembler.next_deadline_ns(), &mut self.batch) {
            Ok(Batch::Frames) => self.feed(),
            Ok(Batch::Last(_)) => {
                self.feed();
                self.end();
                self.over = true;
            }
            Err(error) => {
                self.end();
                self.broken = Some(error.into());
            }
        }
    }

    fn feed(&mut self) {
        let mut steps = Vec::new();
        for (frame, _) in Frame::each(&self.batch) {
            if let Ok(Some(mut event)) = decode(&frame) {
                self.redact.event(&mut event.event);
                let begins = matches!(event.event, Event::Session(_));
                self.assembler.push(event, &mut steps);
                // The clock of another boot starts again at 0. Its incidents must not be sorted before the earlier ones.
                if begins && self.assembler.earliest_open_ns().is_none() {
                    keep(&mut self.waiting, std::mem::take(&mut steps));
                    self.ready.extend(self.waiting.drain(..));
                }
            }
        }
        keep(&mut self.waiting, steps);
        let earliest = self.assembler.earliest_open_ns().unwrap_or(u64::MAX);
        let settled = self.waiting.partition_point(|incident| incident.boot_ns < earliest);
        self.ready.extend(self.waiting.drain(..settled));
    }

    /// Closes all open incidents as they are, because no later frame belongs to them.
    fn end(&mut self) {
        let mut steps = Vec::new();
        std::mem::replace(&mut self.assembler, Assembler::new(is_kill_for_memory).reporting_ends_only())
            .finish(&mut steps);
        keep(&mut self.waiting, steps);
        self.ready.extend(self.waiting.drain(..));
    }
}

/// Adds closed incidents to the waiting ones, in the order of decisions.
fn keep(waiting: &mut Vec<Incident>, steps: Vec<Step>) {
    let closed = steps.into_iter().filter_map(|step| match step {
        Step::Closed(incident) => Some(*incident),
        Step::Decided(_) => None,
    });
    let before = waiting.len();
    waiting.extend(closed);
    if waiting.len() > before {
        waiting.sort_by_key(|incident| incident.boot_ns);
    }
}

impl<S: Source> Iterator for Incidents<S> {
    type Item = Result<Incident, PipelineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(incident) = self.ready.pop_front() {
                return Some(Ok(incident));
            }
            if let Some(error) = self.broken.take() {
                return Some(Err(error));
            }
            if self.over {
                return None;
            }
            self.read_on();
        }
    }
}
