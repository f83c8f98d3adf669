//! The process that outlives the experiment and restores everything, however the experiment ends. It notices the end because a
//! socket closes, which no signal can prevent.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{
    restore::restore,
    state::{Lock, State},
};
use crate::exit::Exit;

/// The maximum time that it may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// The supervisor, as the experiment sees it.
pub(super) struct Supervisor {
    child: Child,
    /// Open while the experiment runs.
    line: Option<UnixStream>,
}

impl Supervisor {
    /// Starts it, and waits until it is ready.
    pub(super) fn start(directory: &Path, lock: &Lock) -> Result<Self> {
        let (ours, theirs) = UnixStream::pair().context("making a line to the supervisor")?;
        let child = Command::new("/proc/self/exe")
            .arg("experiment-supervisor")
            .arg(directory)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            // Its standard output carries the lock, so no other process changes anything before it has finished.
            .stdout(Stdio::from(lock.share()?))
            .spawn()
            .context("starting the supervisor")?;
        let mut supervisor = Self { child, line: Some(ours) };
        let mut word = [0];
        let line = supervisor.line.as_mut().context("no line to the supervisor")?;
        line.set_read_timeout(Some(PATIENCE)).context("waiting for the supervisor")?;
        line.read_exact(&mut word).context("the supervisor did not start")?;
        Ok(supervisor)
    }

    /// Whether it is still running.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Tells it to restore everything. If it cannot, or has exited, this process restores everything itself.
    pub(super) fn finish(mut self, state: &State) -> Result<()> {
        drop(self.line.take());
        if self.child.wait().is_ok_and(|status| status.success()) {
            return Ok(());
        }
        restore(state).map(drop)
    }
}

/// The main function of the supervisor.
pub(in crate::cmd) fn run(directory: &Path) -> Result<Exit> {
    // Signals from the experiment's terminal are not for this process.
    rustix::process::setsid().context("leaving the session")?;
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
            .context("standing firm against signals")?;
    }
    // This fails without privileges. The supervisor may then be killed when the machine runs out of memory.
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    let state = State::make(directory)?;
    let mut line = std::io::stdin();
    let mut line_back = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    // This write fails if the experiment was killed in the meantime. Restore everything as after any other end.
    let _ = line_back.write_all(b"r");
    let mut rest = Vec::new();
    // An error is an end as well.
    let _ = line.read_to_end(&mut rest);
    ensure!(rest.is_empty(), "the experiment has nothing to say here");
    restore(&state)?;
    Ok(Exit::Success)
}
