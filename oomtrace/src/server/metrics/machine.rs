//! The values that each scrape reads: the stream's counts, the recorder's health, the kernel's count of kills.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::Registry,
};

use super::{
    super::{feed::Dropped, hook::Runs},
    unreported::{Unreported, kernel_count},
};
use crate::{kernel::tier::Tier, pipeline::Progress, recording::recorder::Kept};

/// The sources of these values in this run.
pub struct Machine {
    /// The tier.
    pub tier: Tier,
    /// The counts of the stream.
    pub progress: Arc<Progress>,
    /// The recorder, if there is one.
    pub recorder: Option<Kept>,
    /// Runs of the command, if there is a command.
    pub(in crate::server) runs: Option<Arc<Runs>>,
}

impl Machine {
    /// Creates the sources for a run with this tier.
    #[must_use]
    pub const fn new(tier: Tier, progress: Arc<Progress>, recorder: Option<Kept>) -> Self {
        Self { tier, progress, recorder, runs: None }
    }

    /// Adds the values that do not change.
    pub(super) fn describe(&self, registry: &mut Registry) {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("oomtrace_build", "The version of oomtrace", build);
        registry.register(
            "oomtrace_tier",
            "How the kernel is hooked",
            Info::new([("tier", self.tier.name())]),
        );
    }
}

/// Reads the values at each scrape.
pub(super) struct Readings {
    machine: Machine,
    dropped: Vec<Dropped>,
    /// `None` if the kernel's count cannot be read.
    unreported: Option<Mutex<Unreported>>,
}

impl Readings {
    pub(super) fn new(machine: Machine, dropped: Vec<Dropped>) -> Self {
        let unreported = kernel_count().map(|count| Mutex::new(Unreported::since(count)));
        Self { machine, dropped, unreported }
    }

    fn stream(&self, out: &mut Output<'_>) -> fmt::Result {
        let progress = &self.machine.progress;
        out.counter("oomtrace_frames", "Frames, including context frames", progress.frames())?;
        out.counter(
            "oomtrace_lost_frames",
            "Frames that were lost because the ring was full",
            progress.lost_frames(),
        )
    }

    fn kernel(&self, out: &mut Output<'_>) -> fmt::Result {
        let Some((unreported, kernel)) = self.unreported.as_ref().zip(kernel_count()) else { return Ok(()) };
        let (kills, missing) = {
            let mut unreported = unreported.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = unreported.look(Instant::now(), kernel, self.machine.progress.kernel_kills());
            (unreported.kills(kernel), missing)
        };
        out.counter("oomtrace_kernel_kills", "oom_kill in /proc/vmstat since the start", kills)?;
        let help = "Kills that the kernel counted and that had no report a minute later";
        out.counter("oomtrace_unreported_kills", help, missing)
    }

    fn recorder(&self, out: &mut Output<'_>) -> fmt::Result {
        let Some(recorder) = &self.machine.recorder else { return Ok(()) };
        out.counter("oomtrace_recorder_frames", "Frames that are on disk", recorder.frames())?;
        let lost = recorder.lost_frames();
        out.counter("oomtrace_recorder_lost_frames", "Frames that are in no recording", lost)?;
        let waiting = recorder.waiting_bytes();
        out.gauge("oomtrace_recorder_waiting_bytes", "Bytes that wait for the disk", waiting)?;
        let failing = u64::from(recorder.is_failing());
        out.gauge("oomtrace_recorder_failing", "1 if the last attempt to write failed", failing)
    }

    fn runs(&self, out: &mut Output<'_>) -> fmt::Result {
        let Some(runs) = &self.machine.runs else { return Ok(()) };
        let help = "Runs of the command of --exec";
        let mut encoder = out.0.encode_descriptor("oomtrace_hook_runs", help, None, MetricType::Counter)?;
        for (result, count) in runs.counts() {
            ConstCounter::new(count).encode(encoder.encode_family(&[("result", result)])?)?;
        }
        Ok(())
    }

    fn dropped(&self, out: &mut Output<'_>) -> fmt::Result {
        let help = "Reports that a consumer was too slow to get";
        let mut encoder =
            out.0.encode_descriptor("oomtrace_dropped_reports", help, None, MetricType::Counter)?;
        for dropped in &self.dropped {
            let labels = [("consumer", dropped.consumer.trim_start_matches('-'))];
            ConstCounter::new(dropped.count()).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Readings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readings").field("dropped", &self.dropped).finish_non_exhaustive()
    }
}

impl Collector for Readings {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Output(encoder);
        self.stream(&mut out)?;
        self.kernel(&mut out)?;
        self.recorder(&mut out)?;
        self.runs(&mut out)?;
        self.dropped(&mut out)
    }
}

/// Writes the values of a scrape.
struct Output<'a>(DescriptorEncoder<'a>);

impl Output<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = ConstCounter::new(value);
        let encoder = self.0.encode_descriptor(name, help, None, value.metric_type())?;
        value.encode(encoder)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = ConstGauge::new(value);
        let encoder = self.0.encode_descriptor(name, help, None, value.metric_type())?;
        value.encode(encoder)
    }
}
