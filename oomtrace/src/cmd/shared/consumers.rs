//! Creates the consumers of a live run from the command line's options.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::say::say;
use crate::{
    cli::{Consumers, Format},
    kernel::{system_calls::Needs, tier::Tier},
    pipeline::Progress,
    recording::recorder::Recorder,
    server::{Feed, Hook, Journal, Listener, Machine, OomdHook, Program, Server, Socket, Wanted},
    sink::Sink,
};

/// Reserves resources before the kernel is touched, so that an address in use is reported at once.
pub(in crate::cmd) fn wanted(options: &Consumers, cmdlines: bool) -> Result<Wanted> {
    let bind =
        |address| Listener::bind(address).with_context(|| format!("--metrics: cannot listen on {address}"));
    let metrics = options.metrics.map(bind).transpose()?;
    let program = options.exec.as_deref().map(Program::find).transpose()?;
    let hook = program.map(|program| Hook { program, limit: options.exec_timeout });
    let journal = options.journal.then(Journal::open).transpose()?;
    let socket = options.socket.as_deref().map(Socket::bind).transpose()?;
    let bind = |directory| OomdHook::bind(directory, cmdlines).map(Some);
    let oomd_hook = match OomdHook::passed(cmdlines)? {
        Some(hook) => Some(hook),
        None => options.oomd_hook.as_deref().map_or(Ok(None), bind)?,
    };
    Ok(Wanted { metrics, hook, journal, socket, oomd_hook })
}

/// The running consumers; empty if none was requested.
#[derive(Default)]
pub(in crate::cmd) struct Running {
    feed: Option<Feed>,
    progress: Option<Arc<Progress>>,
    needs: Needs,
    server: Option<Server>,
}

impl Running {
    /// Starts them, if any were requested.
    pub(in crate::cmd) fn start(wanted: Wanted, tier: Tier, recorder: Option<&Recorder>) -> Result<Self> {
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let listens = wanted.metrics.is_some() || wanted.socket.is_some() || wanted.oomd_hook.is_some();
        let needs = match &wanted.hook {
            Some(_) => Needs::Programs,
            None if listens => Needs::Connections,
            None => Needs::Nothing,
        };
        let progress = Arc::new(Progress::default());
        let machine = Machine::new(tier, Arc::clone(&progress), recorder.map(Recorder::kept));
        let (server, feed) = Server::start(wanted, machine, Box::new(|trouble| say(trouble)))
            .context("starting the thread for reports")?;
        Ok(Self { feed: Some(feed), progress: Some(progress), needs, server: Some(server) })
    }

    /// The sink that feeds the consumers. The first call returns it.
    pub(in crate::cmd) fn sink(&mut self) -> Option<Box<dyn Sink>> {
        self.feed.take().map(|feed| Box::new(feed) as Box<dyn Sink>)
    }

    /// The counts that the pipeline keeps for the consumers.
    pub(in crate::cmd) fn progress(&self) -> Option<Arc<Progress>> {
        self.progress.clone()
    }

    /// The system calls that the consumers still need.
    pub(in crate::cmd) const fn needs(&self) -> Needs {
        self.needs
    }

    /// The formats of reports that the consumers need.
    pub(in crate::cmd) const fn formats(&self) -> &'static [Format] {
        if self.server.is_some() { &[Format::Json] } else { &[] }
    }

    /// Waits until the last reports are delivered. The pipeline must have ended.
    pub(in crate::cmd) fn finish(self) {
        let Self { feed, server, .. } = self;
        drop(feed);
        if let Some(server) = server {
            server.finish();
        }
    }
}
