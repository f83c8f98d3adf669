//! SIGHUP makes `watch` and `record` read their settings again (`docs/config.md`).
//!
//! The tracing thread only exchanges the filters, while no incident is open. A thread that exists for the moment reads the file,
//! compares the settings and prints the result.

mod changes;
mod signal;

use std::{
    env,
    ffi::OsString,
    io, mem,
    os::fd::{BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    },
    thread::Builder,
};

use anyhow::Result;

use self::{changes::compare, signal::Signal};
use super::{
    settings::find,
    shared::{ready, say::say},
};
use crate::{
    cli::{
        Cli,
        settings::{Setting, SettingsError},
    },
    kernel::privilege::{SETTINGS, keep_only},
    pipeline::{Exchange, Filters},
};

/// Applies the settings of a command line, and returns filters for the tracing thread, if the command has any.
pub(super) type Apply = Box<dyn Fn(&Cli) -> Option<Filters> + Send + Sync>;

/// The settings that a command can change while it runs.
pub(super) struct Applying {
    /// Their names.
    pub(super) names: &'static [&'static str],
    /// Applies them.
    pub(super) apply: Apply,
}

/// SIGHUP, from now on a request to read the settings again.
pub(super) struct Reload(Option<Signal>);

impl Reload {
    /// Catches SIGHUP, unless it ends this process or is ignored.
    ///
    /// # Errors
    ///
    /// If no descriptor is left, or the signal cannot be caught.
    pub(super) fn on_signal() -> Result<Self> {
        Ok(Self(Signal::catch()?))
    }

    /// Becomes readable when the tracing thread has something to exchange.
    pub(super) fn wake(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(Signal::wake)
    }

    /// What the pipeline calls between incidents. `running` are the settings of the start.
    ///
    /// # Errors
    ///
    /// If no descriptor is left.
    pub(super) fn exchange(&self, running: Vec<Setting>, applying: Applying) -> io::Result<Option<Exchange>> {
        let Some(signal) = &self.0 else { return Ok(None) };
        let shared = Shared { running: Mutex::new(running), applying, waker: signal.waker()? };
        let mut turn = Turn { shared: Arc::new(shared), arrived: signal.arrived(), reading: None };
        Ok(Some(Box::new(move |filters| turn.take(filters))))
    }
}

/// What the reading thread needs.
struct Shared {
    running: Mutex<Vec<Setting>>,
    applying: Applying,
    waker: OwnedFd,
}

/// The tracing thread's ends of the channels of one reading thread.
struct Reading {
    new: Receiver<Filters>,
    old: SyncSender<Filters>,
}

/// The tracing thread's side.
struct Turn {
    shared: Arc<Shared>,
    /// SIGHUP has arrived and was not answered yet.
    arrived: Arc<AtomicBool>,
    reading: Option<Reading>,
}

impl Turn {
    /// Exchanges the filters if the thread has new ones, or starts the thread if a signal arrived.
    fn take(&mut self, filters: &mut Filters) {
        if let Some(reading) = &self.reading {
            match reading.new.try_recv() {
                // The thread frees the old ones.
                Ok(new) => drop(reading.old.try_send(mem::replace(filters, new))),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.reading = None,
            }
        }
        if self.reading.is_none() && self.arrived.swap(false, Ordering::AcqRel) {
            self.reading = start(&self.shared);
        }
    }
}

fn start(shared: &Arc<Shared>) -> Option<Reading> {
    let ((to_tracer, new), (old, from_tracer)) = (sync_channel(1), sync_channel(1));
    let shared = Arc::clone(shared);
    let run = move || {
        // If capabilities cannot be given up, the tracing thread has reported it.
        let _ = keep_only(SETTINGS);
        ready::reloading();
        shared.reload(&to_tracer, &from_tracer);
        ready::tell();
        // In this order: the tracing thread finds that this one has finished.
        drop(to_tracer);
        shared.wake();
    };
    match Builder::new().name("oomtrace-reload".to_owned()).spawn(run) {
        Ok(_) => Some(Reading { new, old }),
        Err(error) => {
            say(format_args!("cannot start a thread to reload the settings: {error}; send SIGHUP again"));
            None
        }
    }
}

impl Shared {
    fn wake(&self) {
        // If the pipe is full, the tracing thread wakes up anyway.
        let _ = rustix::io::write(&self.waker, b"x");
    }

    /// Reads the settings, applies what can be applied, and reports the result.
    fn reload(&self, to_tracer: &SyncSender<Filters>, from_tracer: &Receiver<Filters>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let words: Vec<OsString> = env::args_os().collect();
        let compared = find(&words).and_then(|new| compare(&words, &running, &new, self.applying.names));
        let changes = match compared {
            Ok(changes) => changes,
            Err(error) => return refuse(&error),
        };
        if !changes.now.is_empty()
            && let Some(filters) = (self.applying.apply)(&changes.cli)
        {
            // The tracing thread may wait for the end of an incident. If it has ended, there is nothing to report.
            if to_tracer.send(filters).is_err() {
                return;
            }
            self.wake();
            if from_tracer.recv().is_err() {
                return;
            }
        }
        changes.sentences().iter().for_each(say);
        *running = changes.running;
    }
}

fn refuse(error: &SettingsError) {
    say(format_args!(
        "settings not reloaded, the old ones stay: {error}; correct this and send SIGHUP again"
    ));
}
