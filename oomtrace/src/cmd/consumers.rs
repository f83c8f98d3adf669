//! From what was typed to the second half of a live run.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::say::say;
use crate::{
    cli::Consumers,
    kernel::{system_calls::Needs, tier::Tier},
    pipeline::Progress,
    recording::recorder::Recorder,
    server::{Feed, Hook, Journal, Listener, Machine, Program, Server, Wanted},
    sink::Sink,
};

/// Takes what must be taken before the kernel is touched: an address in use is an error at once.
pub(super) fn wanted(options: &Consumers) -> Result<Wanted> {
    let bind =
        |address| Listener::bind(address).with_context(|| format!("--metrics: cannot listen on {address}"));
    let metrics = options.metrics.map(bind).transpose()?;
    let program = options.exec.as_deref().map(Program::find).transpose()?;
    let hook = program.map(|program| Hook { program, limit: options.exec_timeout });
    let journal = options.journal.then(Journal::open).transpose()?;
    Ok(Wanted { metrics, hook, journal })
}

/// A running second half; nothing where no consumer is wanted.
#[derive(Default)]
pub(super) struct Running {
    feed: Option<Feed>,
    progress: Option<Arc<Progress>>,
    needs: Needs,
    server: Option<Server>,
}

impl Running {
    /// Starts it, if it is wanted.
    pub(super) fn start(wanted: Wanted, tier: Tier, recorder: Option<&Recorder>) -> Result<Self> {
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let needs = match (&wanted.hook, &wanted.metrics) {
            (Some(_), _) => Needs::Programs,
            (None, Some(_)) => Needs::Connections,
            (None, None) => Needs::Nothing,
        };
        let progress = Arc::new(Progress::default());
        let machine = Machine::new(tier, Arc::clone(&progress), recorder.map(Recorder::kept));
        let (server, feed) = Server::start(wanted, machine, Box::new(|trouble| say(trouble)))
            .context("starting the thread for reports")?;
        Ok(Self { feed: Some(feed), progress: Some(progress), needs, server: Some(server) })
    }

    /// The sink that feeds it, once.
    pub(super) fn sink(&mut self) -> Option<Box<dyn Sink>> {
        self.feed.take().map(|feed| Box::new(feed) as Box<dyn Sink>)
    }

    /// What the pipeline counts for it.
    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        self.progress.clone()
    }

    /// The system calls that it goes on needing.
    pub(super) const fn needs(&self) -> Needs {
        self.needs
    }

    /// Waits until the last reports are delivered. The pipeline must have ended.
    pub(super) fn finish(self) {
        let Self { feed, server, .. } = self;
        drop(feed);
        if let Some(server) = server {
            server.finish();
        }
    }
}
