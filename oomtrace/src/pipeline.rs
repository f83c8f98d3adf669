//! Runs the whole pipeline: it decodes frames to events, assembles events to incidents, explains them in reports, and sends these
//! to sinks.

mod decoded;
mod filters;
mod incidents;
mod progress;

use std::{io, sync::Arc, thread};

use self::decoded::Ahead;
pub use self::{
    filters::{Exchange, Filter, Filters, ForecastFilter},
    incidents::Incidents,
    progress::Progress,
};
use crate::{
    assemble::{Assembler, Step},
    context::Forecast,
    decode::decode,
    event::{Event, Stamped},
    explain::is_kill_for_memory,
    forecast::Announcement,
    frame::Frame,
    incident::Incident,
    recording::recorder::Recorder,
    redact::Redact,
    report::{Report, report},
    sink::Sink,
    source::{Batch, Ended, Source, SourceError},
};

/// Totals of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Closed incidents.
    pub incidents: u64,
    /// Victims of these incidents.
    pub victims: u64,
    /// Frames, including context frames.
    pub frames: u64,
    /// Frames that were lost because the ring was full.
    pub lost: u64,
    /// OOM kills that the eBPF side counted and whose frames were all lost.
    pub unreported_kills: u64,
    /// Frames that the recorder could not keep.
    pub unrecorded: u64,
}

/// The reason why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A sink failed.
    #[error("the output could not be written")]
    Output(#[source] io::Error),
}

/// Returns all incidents of a source.
///
/// # Errors
///
/// If the source fails.
pub fn incidents(source: impl Source) -> Result<Vec<Incident>, PipelineError> {
    Incidents::new(source).collect()
}

/// The pipeline from a source to sinks.
pub struct Pipeline {
    assembler: Assembler,
    sinks: Vec<Box<dyn Sink>>,
    recorder: Option<Recorder>,
    progress: Option<Arc<Progress>>,
    filters: Filters,
    exchange: Option<Exchange>,
    redact: Redact,
    stop_after: Option<u64>,
    totals: Totals,
}

impl Pipeline {
    /// Creates a pipeline to these sinks, for the reports that match the filter.
    #[must_use]
    pub fn new(sinks: Vec<Box<dyn Sink>>, filter: Filter) -> Self {
        let (assembler, totals) = (Assembler::new(is_kill_for_memory), Totals::default());
        Self {
            assembler,
            sinks,
            recorder: None,
            progress: None,
            filters: Filters { reports: filter, forecasts: Box::new(|_| true) },
            exchange: None,
            redact: Redact::Nothing,
            stop_after: None,
            totals,
        }
    }

    /// Also records every frame verbatim.
    #[must_use]
    pub fn recording(mut self, recorder: Option<Recorder>) -> Self {
        self.recorder = recorder;
        self
    }

    /// Passes only these forecasts to the sinks.
    #[must_use]
    pub fn foreseeing(mut self, forecasts: ForecastFilter) -> Self {
        self.filters.forecasts = forecasts;
        self
    }

    /// Calls this after each batch of a live run while no incident is open. It may exchange the filters.
    #[must_use]
    pub fn exchanging(mut self, exchange: Option<Exchange>) -> Self {
        self.exchange = exchange;
        self
    }

    /// Hides this much of command lines from the sinks. The recorder still keeps frames verbatim.
    #[must_use]
    pub const fn redacting(mut self, redact: Redact) -> Self {
        self.redact = redact;
        self
    }

    /// Keeps these counts up to date.
    #[must_use]
    pub fn counting(mut self, progress: Option<Arc<Progress>>) -> Self {
        self.progress = progress;
        self
    }

    /// Ends after this many incidents.
    #[must_use]
    pub const fn stop_after(mut self, incidents: u64) -> Self {
        self.stop_after = Some(incidents);
        self
    }

    /// Runs until the source ends. Open incidents are then closed and reported.
    ///
    /// # Errors
    ///
    /// If the source, a sink or the recording fails.
    pub fn run(mut self, source: &mut dyn Source) -> Result<(Totals, Option<Ended>), PipelineError> {
        self.choose_steps();
        let mut batch = Vec::new();
        let ended = loop {
            let result = source.next(self.assembler.next_deadline_ns(), &mut batch);
            self.feed(&batch)?;
            self.exchange_filters();
            match result {
                Ok(Batch::Last(ended)) => break Ok(Some(ended)),
                Ok(Batch::Frames) if self.stop_after.is_some_and(|count| self.totals.incidents >= count) => {
                    break Ok(None);
                }
                Ok(Batch::Frames) => {}
                Err(error) => break Err(error.into()),
            }
        };
        self.end(ended)
    }

    fn exchange_filters(&mut self) {
        if let Some(exchange) = &mut self.exchange
            && !self.assembler.is_reporting()
        {
            exchange(&mut self.filters);
        }
    }

    /// Runs over all of a recording like [`Pipeline::run`]. If there is a second CPU, a thread decodes ahead.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::run`].
    pub fn replay<S: Source + Send>(
        mut self,
        source: &mut S,
    ) -> Result<(Totals, Option<Ended>), PipelineError> {
        let Some((ahead, batches)) = decoded::ahead() else { return self.run(source) };
        self.choose_steps();
        let ended = thread::scope(|scope| {
            scope.spawn(move || batches.send_all(source));
            let ended = self.report_decoded(&ahead);
            // If a sink failed, the thread waits for room in the channel. Dropping the receiver ends the thread.
            drop(ahead);
            ended
        })?;
        self.end(ended)
    }

    /// Reports what the other thread decodes. The outer error is a sink's and ends the run at once. The inner one is the source's:
    /// everything that came before it is still reported.
    fn report_decoded(
        &mut self,
        ahead: &Ahead,
    ) -> Result<Result<Option<Ended>, PipelineError>, PipelineError> {
        loop {
            let (decoded, result) = ahead.next();
            let mut steps = Vec::new();
            self.totals.frames += decoded.frames;
            decoded.events.into_iter().try_for_each(|event| self.push(event, &mut steps))?;
            self.report_steps(&steps)?;
            match result {
                Ok(Batch::Last(ended)) => return Ok(Ok(Some(ended))),
                Ok(Batch::Frames) => {}
                Err(error) => return Ok(Err(error.into())),
            }
        }
    }

    /// Reports decisions only if a recorder or a sink uses them. The recorder gets a decision first, so that it is on disk before
    /// a person or program resets the machine.
    fn choose_steps(&mut self) {
        if self.recorder.is_none() && !self.sinks.iter().any(|sink| sink.hears_decisions()) {
            self.assembler.report_ends_only();
        }
    }

    /// Closes and reports all open incidents.
    fn end(
        mut self,
        ended: Result<Option<Ended>, PipelineError>,
    ) -> Result<(Totals, Option<Ended>), PipelineError> {
        let mut steps = Vec::new();
        self.assembler.finish(&mut steps);
        let written = self.report_steps(&steps);
        self.totals.unrecorded = self.recorder.take().map_or(0, Recorder::finish);
        // Report everything that came before the source failed.
        written.and(ended).map(|ended| (self.totals, ended))
    }

    fn feed(&mut self, batch: &[u8]) -> Result<(), PipelineError> {
        let mut steps = Vec::new();
        for (frame, bytes) in Frame::each(batch) {
            self.totals.frames += 1;
            if let Some(recorder) = &mut self.recorder {
                recorder.push(bytes);
            }
            // A frame cannot be decoded if the eBPF side and this side disagree about its format. The recording keeps it, and the
            // incident that it belonged to has a gap.
            if let Ok(Some(event)) = decode(&frame) {
                self.push(event, &mut steps)?;
            }
        }
        self.pass_on(&mut steps)
    }

    /// Passes the steps so far to the recorder and the sinks.
    fn pass_on(&mut self, steps: &mut Vec<Step>) -> Result<(), PipelineError> {
        // The recorder comes before the sinks, because a reader of the report may reset the machine.
        if let Some(recorder) = &mut self.recorder {
            recorder.hand_over(!steps.is_empty(), self.assembler.open() == 0);
        }
        self.report_steps(&std::mem::take(steps))
    }

    /// Announces that memory will run out soon.
    fn announce(&mut self, frame: &Forecast) -> Result<(), PipelineError> {
        let announcement = Announcement::new(frame, self.assembler.session());
        if let Some(announcement) = announcement.filter(|announcement| (self.filters.forecasts)(announcement))
        {
            for sink in &mut self.sinks {
                sink.foreseen(&announcement).map_err(PipelineError::Output)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, mut stamped: Stamped, steps: &mut Vec<Step>) -> Result<(), PipelineError> {
        if let Event::Forecast(frame) = &stamped.event {
            self.pass_on(steps)?;
            return self.announce(frame);
        }
        self.redact.event(&mut stamped.event);
        self.assembler.push(stamped, steps);
        Ok(())
    }

    fn report_steps(&mut self, steps: &[Step]) -> Result<(), PipelineError> {
        if let Some(progress) = &self.progress {
            progress.count(steps);
        }
        for step in steps {
            match step {
                Step::Decided(incident) => self.each_sink(incident, |sink, report| sink.decided(report))?,
                Step::Closed(incident) => {
                    self.each_sink(incident, |sink, report| sink.closed(report))?;
                    self.totals.incidents += 1;
                    self.totals.victims += u64::try_from(incident.victims.len()).unwrap_or(0);
                }
            }
        }
        self.totals.lost = self.assembler.lost_frames();
        self.totals.unreported_kills = self.assembler.unreported_kills();
        if let Some(progress) = &self.progress {
            progress.store(self.totals.frames, self.totals.lost);
        }
        Ok(())
    }

    fn each_sink(
        &mut self,
        incident: &Incident,
        write: impl Fn(&mut dyn Sink, &Report) -> io::Result<()>,
    ) -> Result<(), PipelineError> {
        let report = report(incident);
        if (self.filters.reports)(&report) {
            for sink in &mut self.sinks {
                write(sink.as_mut(), &report).map_err(PipelineError::Output)?;
            }
        }
        Ok(())
    }
}
