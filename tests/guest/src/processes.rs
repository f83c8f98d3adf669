//! The started processes and their output. One thread waits for everything in one place.
//!
//! No thread starts or ends while a scenario runs: an exiting thread allocates memory in the kernel (`taskstats_exit`), which
//! could cause an OOM of its own when the machine has none left.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Instant;
use std::{io::Write, os::fd::OwnedFd};

use anyhow::{Context, Result};
use oomtrace_scenarios::observation::Status;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// The buffer size for one read of a pipe.
const CHUNK_BYTES: usize = 64 * 1024;

/// One output of a process.
#[derive(Default)]
struct Pipe {
    /// The read end, until the write end is closed.
    end: Option<OwnedFd>,
    /// The bytes after the last newline.
    rest: Vec<u8>,
}

/// A process and everything known about it.
pub(crate) struct Process {
    /// Its process id.
    pub(crate) pid: u32,
    /// Lines of its standard output.
    pub(crate) out: Vec<Vec<u8>>,
    /// Lines of its standard error.
    pub(crate) err: Vec<Vec<u8>>,
    /// The exit status, once it has ended.
    pub(crate) status: Option<Status>,
    stdin: Option<ChildStdin>,
    child: Child,
    /// Readable once the process has ended. Absent after that.
    pidfd: Option<OwnedFd>,
    pipes: [Pipe; 2],
}

/// The source that became readable: standard output, standard error, or the end of a process.
#[derive(Clone, Copy)]
enum Source {
    Out(usize),
    Err(usize),
    End(usize),
}

impl Process {
    /// Whether a line of its standard error contains a word.
    pub(crate) fn err_holds(&self, word: &str) -> bool {
        self.err.iter().any(|line| String::from_utf8_lossy(line).contains(word))
    }

    /// Whether it printed a word on its standard output as a line of its own.
    pub(crate) fn said(&self, word: &str) -> bool {
        self.out.iter().any(|line| line == word.as_bytes())
    }

    /// Whether it has ended and all of its output has been read.
    pub(crate) fn is_over(&self) -> bool {
        self.status.is_some() && self.pipes.iter().all(|pipe| pipe.end.is_none())
    }

    fn take_status(&mut self) -> Result<()> {
        let status = self.child.wait().with_context(|| format!("waiting for process {}", self.pid))?;
        let code = status.code().map(Status::Code);
        self.status = code.or_else(|| status.signal().map(Status::Signal));
        self.pidfd = None;
        Ok(())
    }
}

impl Pipe {
    fn new(end: Option<OwnedFd>) -> Self {
        Self { end, rest: Vec::new() }
    }

    /// Read the available bytes. This never blocks, because bytes or the end are available.
    fn read(&mut self, chunk: &mut [u8], lines: &mut Vec<Vec<u8>>) -> Result<()> {
        let Some(end) = &self.end else { return Ok(()) };
        let len = rustix::io::read(end, &mut *chunk).context("reading a pipe")?;
        self.rest.extend(chunk.iter().take(len));
        if len == 0 {
            self.end = None;
            lines.extend(Some(std::mem::take(&mut self.rest)).filter(|rest| !rest.is_empty()));
        }
        while let Some(at) = self.rest.iter().position(|&byte| byte == b'\n') {
            let after = self.rest.split_off(at + 1);
            let mut line = std::mem::replace(&mut self.rest, after);
            line.pop();
            lines.push(line);
        }
        Ok(())
    }
}

/// The processes started so far, by number.
pub(crate) struct Processes {
    all: Vec<Process>,
    chunk: Vec<u8>,
}

impl Processes {
    pub(crate) fn new() -> Self {
        Self { all: Vec::new(), chunk: vec![1; CHUNK_BYTES] }
    }

    /// Start a command. Returns its number.
    pub(crate) fn start(&mut self, command: &mut Command) -> Result<usize> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting {program}"))?;
        let pidfd = pidfd_open(pid_of(&child)?, PidfdFlags::empty())
            .with_context(|| format!("watching {program}"))?;
        self.all.push(Process {
            pid: child.id(),
            out: Vec::new(),
            err: Vec::new(),
            status: None,
            stdin: child.stdin.take(),
            pidfd: Some(pidfd),
            pipes: [
                Pipe::new(child.stdout.take().map(OwnedFd::from)),
                Pipe::new(child.stderr.take().map(OwnedFd::from)),
            ],
            child,
        });
        Ok(self.all.len() - 1)
    }

    /// The process with this number.
    pub(crate) fn get(&self, number: usize) -> Result<&Process> {
        self.all.get(number).with_context(|| format!("no process number {number}"))
    }

    /// Send the line that a process waits for on standard input.
    pub(crate) fn give_word(&mut self, number: usize) -> Result<()> {
        let process = self.all.get_mut(number).with_context(|| format!("no process {number}"))?;
        let mut stdin = process.stdin.take().context("the process already received its word")?;
        stdin.write_all(b"go\n").with_context(|| format!("sending the word to process {}", process.pid))
    }

    /// Send a signal to a process, unless it has ended.
    pub(crate) fn signal(&self, number: usize, signal: Signal) -> Result<()> {
        let process = self.get(number)?;
        match process.status {
            Some(_) => Ok(()),
            None => kill_process(pid_of(&process.child)?, signal)
                .with_context(|| format!("sending a signal to {}", process.pid)),
        }
    }

    /// Handle events until a condition holds. Returns whether it held before the deadline.
    pub(crate) fn until(&mut self, deadline: Instant, condition: impl Fn(&Self) -> bool) -> Result<bool> {
        while !condition(self) {
            let ready = self.wait(deadline)?;
            let is_last = ready.is_empty() || Instant::now() >= deadline;
            for source in ready {
                self.take(source)?;
            }
            if is_last {
                return Ok(condition(self));
            }
        }
        Ok(true)
    }

    /// Kill the remaining processes and wait for them.
    pub(crate) fn end_all(&mut self, deadline: Instant) -> Result<()> {
        for number in 0..self.all.len() {
            self.signal(number, Signal::KILL)?;
        }
        self.until(deadline, |processes| processes.all.iter().all(Process::is_over))?;
        Ok(())
    }

    /// Wait until something is readable. Returns nothing after the deadline or without anything to wait for.
    fn wait(&self, deadline: Instant) -> Result<Vec<Source>> {
        let (sources, mut fds): (Vec<Source>, Vec<PollFd<'_>>) = self
            .all
            .iter()
            .enumerate()
            .flat_map(|(number, process)| {
                let [out, err] = &process.pipes;
                let ends = [&out.end, &err.end, &process.pidfd];
                [Source::Out(number), Source::Err(number), Source::End(number)].into_iter().zip(ends)
            })
            .filter_map(|(source, end)| Some((source, PollFd::new(end.as_ref()?, PollFlags::IN))))
            .unzip();
        if fds.is_empty() {
            return Ok(Vec::new());
        }
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now()))?;
        poll(&mut fds, Some(&left)).context("waiting for processes")?;
        let ready = sources.into_iter().zip(&fds);
        Ok(ready.filter(|(_, fd)| !fd.revents().is_empty()).map(|(source, _)| source).collect())
    }

    fn take(&mut self, source: Source) -> Result<()> {
        let (Source::Out(number) | Source::Err(number) | Source::End(number)) = source;
        let Some(process) = self.all.get_mut(number) else {
            return Ok(());
        };
        let [out, err] = &mut process.pipes;
        match source {
            Source::Out(_) => out.read(&mut self.chunk, &mut process.out),
            Source::Err(_) => err.read(&mut self.chunk, &mut process.err),
            Source::End(_) => process.take_status(),
        }
    }
}

fn pid_of(child: &Child) -> Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id of 0")
}
