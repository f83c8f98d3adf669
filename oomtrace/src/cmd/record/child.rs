//! The command that runs while `oomtrace record` records.

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
    cmd::shared::signals::Stop,
    exit::Exit,
    kernel::privilege::{NOTHING, keep_only},
};

/// An error: the command was not started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {program}: {error}")]
pub(crate) struct NotStarted {
    program: String,
    error: io::Error,
}

impl NotStarted {
    /// Returns the exit status that a shell, `env`, `nice` and `timeout` use for this error.
    pub(crate) fn exit(&self) -> Exit {
        Exit::Command(if self.error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
    }
}

/// A running command. A thread waits for it and ends the stream when the command exits.
pub(super) struct Child {
    pid: Option<Pid>,
    waiter: JoinHandle<io::Result<ExitStatus>>,
}

impl Child {
    /// Starts the command with the standard streams of oomtrace. Call this before oomtrace protects itself, because the command
    /// inherits the protection.
    pub(super) fn start(command: &[OsString], stop: &Stop) -> Result<Self> {
        let (program, arguments) = command.split_first().context("no command given")?;
        let mut child = Command::new(program)
            .args(arguments)
            .spawn()
            .map_err(|error| NotStarted { program: program.display().to_string(), error })?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let end = stop.writable.try_clone().context("watching the command")?;
        let waiter = std::thread::spawn(move || {
            // An error is ignored, because the tracing thread reports whether this works.
            let _ = keep_only(NOTHING);
            let status = child.wait();
            // If the pipe is full or closed, the stream ends anyway.
            let _ = rustix::io::write(&end, b"x");
            status
        });
        Ok(Self { pid, waiter })
    }

    /// Returns the command's process id.
    pub(super) fn pid(&self) -> Option<i32> {
        self.pid.map(|pid| pid.as_raw_nonzero().get())
    }

    /// Waits for the command and returns its status. If the stream ended first, the command gets SIGTERM.
    pub(super) fn wait(self) -> Result<ExitStatus> {
        if let Some(pid) = self.pid.filter(|_| !self.waiter.is_finished()) {
            match kill_process(pid, Signal::TERM) {
                // The command may have exited in the meantime.
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => bail!("cannot end the command (pid {pid}), which keeps running: {error}"),
            }
        }
        let Ok(status) = self.waiter.join() else { bail!("the thread that waits for the command failed") };
        status.context("waiting for the command")
    }
}

/// Returns the exit status that oomtrace passes on.
pub(super) fn exit(status: ExitStatus) -> Exit {
    Exit::Command(code(status))
}

/// Returns the exit status as a shell reports it: 128 plus the signal's number if a signal ended the command.
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
    fn distinguishes_missing_command_from_unusable_one() {
        let ended =
            |kind: std::io::ErrorKind| NotStarted { program: "x".to_owned(), error: kind.into() }.exit();
        assert_eq!(ended(std::io::ErrorKind::NotFound), Exit::Command(127));
        assert_eq!(ended(std::io::ErrorKind::PermissionDenied), Exit::Command(126));
    }

    #[test]
    fn reports_status_as_shell_does() {
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(ExitStatus::from_raw(9)), 137);
    }
}
