//! A running tracer, and the times of its output.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::clock;

/// The longest time to wait until the tracer exits.
const PATIENCE: Duration = Duration::from_secs(20);

/// An armed `oomtrace watch --format json` or `oomtrace record`.
pub(super) struct Tracer {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    lines: Receiver<Line>,
    /// The thread of the reader, as a number for `chrt`.
    reader_tid: Receiver<Option<String>>,
    reader: Option<JoinHandle<()>>,
    /// The line that it printed when it was armed.
    pub(super) armed: String,
    /// Time from just before the start until that line was read.
    pub(super) took: Duration,
}

/// A line of its standard output, and the time at which it was read.
pub(super) struct Line {
    /// `CLOCK_BOOTTIME`, ns.
    pub(super) arrived_ns: u64,
    text: Vec<u8>,
}

impl Line {
    /// The line as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// Parses the line as a report.
    pub(super) fn report(&self) -> Result<Value> {
        serde_json::from_slice(&self.text).with_context(|| format!("no JSON: {}", self.text.escape_ascii()))
    }
}

impl Tracer {
    /// Starts `watch`, with `--record` if a file is given, and waits until it is armed.
    pub(super) fn start(program: &Path, record: Option<&Path>) -> Result<Self> {
        let record = record.map(|file| [OsStr::new("--record"), file.as_os_str()]);
        Self::start_with(program, &record.into_iter().flatten().collect::<Vec<_>>())
    }

    /// Starts `watch` with these options, and waits until it is armed.
    pub(super) fn start_with(program: &Path, options: &[impl AsRef<OsStr>]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["watch", "--format", "json"]).args(options);
        Self::spawn(command)
    }

    /// Starts `watch` with these options and one line per decision, and waits until it is armed.
    pub(super) fn start_line(program: &Path, options: &[impl AsRef<OsStr>]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["watch", "--format", "line"]).args(options);
        Self::spawn(command)
    }

    /// Starts `record`, which writes to this file, and waits until it is armed.
    pub(super) fn record(program: &Path, file: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("record").arg("--output").arg(file);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().context("starting oomtrace")?;
        let mut stderr = BufReader::new(child.stderr.take().context("oomtrace has no stderr")?);
        let mut armed = String::new();
        stderr.read_line(&mut armed).context("reading what oomtrace says")?;
        let took = began.elapsed();
        ensure!(armed.contains("armed"), "oomtrace is not armed: {armed}");
        let stdout = child.stdout.take().context("oomtrace has no stdout")?;
        let (sender, lines) = channel();
        let (own, reader_tid) = channel();
        let reader = Some(thread::spawn(move || {
            // If the number is not known, the reader has the priority of other threads.
            let _ = own.send(own_tid());
            read(stdout, &sender);
        }));
        Ok(Self { child, stderr, lines, reader_tid, reader, armed, took })
    }

    /// Gives the reader a real-time priority, so that a busy machine does not delay the reading of a line.
    pub(super) fn read_first(&self) -> Result<()> {
        let tid = self.reader_tid.recv().ok().flatten().context("the reader's thread is not known")?;
        let status = Command::new("chrt").args(["--fifo", "--pid", "1", &tid]).status();
        ensure!(status.context("starting chrt")?.success(), "the reader cannot have a real-time priority");
        Ok(())
    }

    /// Returns its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns a figure of `/proc/PID/status`, in KiB.
    pub(super) fn status_kib(&self, name: &str) -> Result<u32> {
        status_kib(self.child.id(), name)?.with_context(|| format!("no {name} in the tracer's status"))
    }

    /// Returns the next line, or `None` if none arrives in time or the output has ended.
    pub(super) fn line(&self, patience: Duration) -> Option<Line> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Interrupts the tracer. Returns the rest of its standard error and the number of lines that were not taken.
    pub(super) fn end(mut self) -> Result<(String, usize)> {
        let pid = self.child.id().to_string();
        ensure!(Command::new("kill").args(["-INT", &pid]).status()?.success(), "cannot interrupt oomtrace");
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < end, "oomtrace does not end when it is interrupted");
            thread::sleep(Duration::from_millis(1));
        }
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).context("reading what oomtrace says")?;
        if self.reader.take().is_some_and(|reader| reader.join().is_err()) {
            bail!("the reader of oomtrace's reports ended early");
        }
        Ok((said, self.lines.try_iter().count()))
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // The tracer still runs only if the measurement failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The calling thread's number.
fn own_tid() -> Option<String> {
    let link = fs::read_link("/proc/thread-self").ok()?;
    Some(link.file_name()?.to_str()?.to_owned())
}

fn read(stdout: std::process::ChildStdout, lines: &Sender<Line>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut text = Vec::new();
        let ended = !matches!(stdout.read_until(b'\n', &mut text), Ok(1..));
        let arrived_ns = clock::boot_ns();
        if ended || lines.send(Line { arrived_ns, text }).is_err() {
            return;
        }
    }
}

/// Returns a figure of a process's status, in KiB, or `None` if the process has exited.
pub(super) fn status_kib(pid: u32, name: &str) -> Result<Option<u32>> {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return Ok(None) };
    let values = status.lines().filter_map(|line| line.split_once(':'));
    let mut named = values.filter(|(key, _)| *key == name);
    let Some((_, value)) = named.next() else { return Ok(None) };
    let kib = value.trim().trim_end_matches(" kB").parse();
    kib.map(Some).with_context(|| format!("{name} is no size: {value}"))
}
