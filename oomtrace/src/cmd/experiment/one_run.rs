//! One run, from its cgroups to its recording.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    children::{Children, STEP},
    experiment::{Experiment, Interrupted},
    sampler::Sampler,
    scratch::Tree,
    tracer::Tracer,
};
use crate::{
    cmd::shared::cgroup,
    experiment::{
        plan::Layout,
        run::{Observed, Sample},
    },
    kernel::clock,
};

/// The report comes when the victim has exited, which is later than the end of the victim's work.
const LEAST_SETTLE: Duration = Duration::from_millis(100);

/// The observations of a run until its end.
struct Watched {
    samples: Vec<Sample>,
    /// Whether the time limit ended it.
    timed_out: bool,
    processes: Vec<crate::experiment::run::Started>,
}

/// Runs a variant; `number` counts from 1.
pub(super) fn make(experiment: &mut Experiment<'_>, number: usize, variant: usize) -> Result<Observed> {
    let layout = experiment.layout(variant)?;
    experiment.set_knobs(&layout)?;
    let recording = format!("runs/{number:03}.rec");
    let tree = experiment.tree(number, &layout)?;
    let top = tree.top.clone();
    let begun_ns = clock::boot_ns();
    let watched = trace(experiment, &tree, &layout, &recording);
    let removed = tree.remove();
    let (watched, ()) = (watched?, removed?);
    Ok(Observed {
        number,
        variant,
        recording,
        span_ns: (begun_ns, clock::boot_ns()),
        top,
        timed_out: watched.timed_out,
        processes: watched.processes,
        samples: watched.samples,
    })
}

fn trace(experiment: &mut Experiment<'_>, tree: &Tree, layout: &Layout, recording: &str) -> Result<Watched> {
    let directory = experiment.output.path();
    let tracer = Tracer::start((&directory, recording), experiment.tier, || experiment.is_interrupted())?;
    let sampler = Sampler::new(experiment.hierarchy, tree, &layout.cgroups);
    let logs = directory.join(recording).with_extension("");
    let work = experiment.directory.clone();
    let mut children = Children::new(tree, &logs, &work, &layout.processes);
    let seen = watch(experiment, tree, &tracer, &sampler, &mut children);
    let processes = children.seen();
    // The tracer ends before all processes are killed, because these kills do not belong to the run.
    let recorded = tracer.finish();
    let emptied = cgroup::empty(&tree.directory);
    children.bury();
    recorded?;
    emptied?;
    let (samples, timed_out) = seen?;
    Ok(Watched { samples, timed_out, processes })
}

/// Waits until the last kill or the last change of a process is long enough ago, or the time limit is reached.
fn watch(
    experiment: &mut Experiment<'_>,
    tree: &Tree,
    tracer: &Tracer,
    sampler: &Sampler,
    children: &mut Children<'_>,
) -> Result<(Vec<Sample>, bool)> {
    let (settle, time_limit) = (experiment.plan.settle, experiment.plan.time_limit);
    let (begun, mut samples) = (Instant::now(), vec![sampler.sample()]);
    let mut killed_at: Option<Instant> = None;
    let mut changed_at = begun;
    loop {
        if children.go_on(begun).context("starting the run's processes")? {
            changed_at = Instant::now();
        }
        if tracer.has_reported(&tree.top) {
            killed_at = Some(Instant::now());
        }
        samples.push(sampler.sample());
        let settled = |since: Instant| since.elapsed() >= settle.max(LEAST_SETTLE);
        let is_over = settled(changed_at) && (killed_at.is_some_and(settled) || children.are_still());
        if is_over || begun.elapsed() >= time_limit {
            return Ok((samples, !is_over));
        }
        if experiment.is_interrupted() {
            return Err(Interrupted.into());
        }
        if !experiment.supervisor.is_alive() {
            bail!(
                "the supervisor was killed; the experiment stops, because nothing else would restore the settings"
            );
        }
        thread::sleep(STEP);
    }
}
