//! A running tracer, and when it says what.

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

/// A tracer that has not ended by then is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// `oomtrace watch --format json` or `oomtrace record`, armed.
pub(super) struct Tracer {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    lines: Receiver<Line>,
    reader: Option<JoinHandle<()>>,
    /// What it said when it was armed.
    pub(super) armed: String,
    /// From just before it was started until it said so.
    pub(super) took: Duration,
}

/// A line of its standard output, and when it was here.
pub(super) struct Line {
    /// `CLOCK_BOOTTIME`, ns.
    pub(super) arrived_ns: u64,
    text: Vec<u8>,
}

impl Line {
    /// The report.
    pub(super) fn report(&self) -> Result<Value> {
        serde_json::from_slice(&self.text).with_context(|| format!("no JSON: {}", self.text.escape_ascii()))
    }
}

impl Tracer {
    /// Starts it and waits until it is armed.
    pub(super) fn start(program: &Path, record: Option<&Path>) -> Result<Self> {
        let record = record.map(|file| [OsStr::new("--record"), file.as_os_str()]);
        Self::start_with(program, &record.into_iter().flatten().collect::<Vec<_>>())
    }

    /// The same with these options.
    pub(super) fn start_with(program: &Path, options: &[impl AsRef<OsStr>]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["watch", "--format", "json"]).args(options);
        Self::spawn(command)
    }

    /// Starts it as a flight recorder, which writes to this file, and waits until it is armed.
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
        let reader = Some(thread::spawn(move || read(stdout, &sender)));
        Ok(Self { child, stderr, lines, reader, armed, took })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A figure of `/proc/PID/status`, in KiB.
    pub(super) fn status_kib(&self, name: &str) -> Result<u32> {
        status_kib(self.child.id(), name)?.with_context(|| format!("no {name} in the tracer's status"))
    }

    /// The next line; `None` if none comes in time, or ever.
    pub(super) fn line(&self, patience: Duration) -> Option<Line> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Interrupts it, and returns what it said last and how many lines had not been taken.
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
        // It has ended already, but on the way out of a failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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

/// A figure of a process's status, in KiB; `None` when it has gone.
pub(super) fn status_kib(pid: u32, name: &str) -> Result<Option<u32>> {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return Ok(None) };
    let values = status.lines().filter_map(|line| line.split_once(':'));
    let mut named = values.filter(|(key, _)| *key == name);
    let Some((_, value)) = named.next() else { return Ok(None) };
    let kib = value.trim().trim_end_matches(" kB").parse();
    kib.map(Some).with_context(|| format!("{name} is no size: {value}"))
}
