//! The command that is recorded while it runs.

use std::{
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt as _,
    process::{Command, ExitStatus},
    thread::JoinHandle,
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process},
};

use crate::{
    cmd::signals::Stop,
    exit::Exit,
    kernel::privilege::{NOTHING, keep_only},
};

/// The command was not started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {program}: {error}")]
pub(crate) struct NotStarted {
    program: String,
    error: io::Error,
}

impl NotStarted {
    /// What a shell ends with, and `env`, `nice` and `timeout`.
    pub(crate) fn exit(&self) -> Exit {
        Exit::Command(if self.error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
    }
}

/// A running command, waited for by a thread that ends the stream after it.
pub(super) struct Child {
    pid: Option<Pid>,
    waiter: JoinHandle<io::Result<ExitStatus>>,
}

impl Child {
    /// Starts it with our own standard streams. Before this process protects itself: what it does to itself then is
    /// inherited.
    pub(super) fn start(command: &[OsString], stop: &Stop) -> Result<Self> {
        let (program, arguments) = command.split_first().context("no command given")?;
        let mut child = Command::new(program)
            .args(arguments)
            .spawn()
            .map_err(|error| NotStarted { program: program.display().to_string(), error })?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let end = stop.writable.try_clone().context("watching the command")?;
        let waiter = std::thread::spawn(move || {
            // Whether it worked is told of the thread that traces.
            let _ = keep_only(NOTHING);
            let status = child.wait();
            // If the pipe is full or gone, the stream ends or has ended anyway.
            let _ = rustix::io::write(&end, b"x");
            status
        });
        Ok(Self { pid, waiter })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> Option<i32> {
        self.pid.map(|pid| pid.as_raw_nonzero().get())
    }

    /// How it ended, once it has; it is told to, if the stream ended before it.
    pub(super) fn wait(self) -> Result<ExitStatus> {
        if let Some(pid) = self.pid.filter(|_| !self.waiter.is_finished()) {
            match kill_process(pid, Signal::TERM) {
                // It may have ended just now.
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => bail!("cannot end the command (pid {pid}), which keeps running: {error}"),
            }
        }
        let Ok(status) = self.waiter.join() else { bail!("the thread that waits for the command failed") };
        status.context("waiting for the command")
    }
}

/// The status that this process ends with.
pub(super) fn exit(status: ExitStatus) -> Exit {
    Exit::Command(code(status))
}

/// As a shell tells it: 128 and the signal, where one ended it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| signal.saturating_add(128)));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::{NotStarted, code};
    use crate::exit::Exit;

    #[test]
    fn a_command_that_is_not_there_is_told_from_one_that_cannot_be_run() {
        let ended =
            |kind: std::io::ErrorKind| NotStarted { program: "x".to_owned(), error: kind.into() }.exit();
        assert_eq!(ended(std::io::ErrorKind::NotFound), Exit::Command(127));
        assert_eq!(ended(std::io::ErrorKind::PermissionDenied), Exit::Command(126));
    }

    #[test]
    fn a_status_is_told_as_a_shell_does() {
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(ExitStatus::from_raw(9)), 137);
    }
}
