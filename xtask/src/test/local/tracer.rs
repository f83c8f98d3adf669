//! A running tracer and its output, for the other tests.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::storm::number_before;
use serde_json::Value;

use super::Local;

/// `oomtrace watch`, armed.
pub(in crate::test) struct Tracer {
    child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<String>,
}

/// The output of a tracer until its exit.
pub(in crate::test) struct Said {
    pub(in crate::test) status: ExitStatus,
    pub(in crate::test) stdout: Vec<u8>,
    pub(in crate::test) stderr: String,
}

impl Tracer {
    /// Starts a tracer and waits until it reports that it is armed.
    pub(in crate::test) fn start(local: &Local, arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(local.program("oomtrace"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting oomtrace")?;
        let mut stdout = child.stdout.take().context("no stdout")?;
        let mut stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let stdout = thread::spawn(move || {
            let mut bytes = Vec::new();
            // The test sees the output before an error.
            let _ = stdout.read_to_end(&mut bytes);
            bytes
        });
        let mut said = String::new();
        stderr.read_line(&mut said).context("reading oomtrace's stderr")?;
        ensure!(said.contains("armed"), "oomtrace is not armed: {said}");
        let stderr = thread::spawn(move || {
            let mut rest = String::new();
            let _ = stderr.read_to_string(&mut rest);
            said + &rest
        });
        Ok(Self { child, stdout, stderr })
    }

    /// Its process id.
    pub(in crate::test) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(in crate::test) fn signal(&self, signal: &str) -> Result<()> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().context("sending a signal")?;
        ensure!(sent.success(), "kill {signal} {pid} failed");
        Ok(())
    }

    /// Sends a signal and waits for the exit.
    pub(in crate::test) fn end(mut self, signal: &str) -> Result<Said> {
        self.signal(signal)?;
        let status = self.child.wait().context("waiting for oomtrace")?;
        let stdout = self.stdout.join().ok().context("reading stdout")?;
        let stderr = self.stderr.join().ok().context("reading stderr")?;
        Ok(Said { status, stdout, stderr })
    }
}

impl Said {
    /// A number in the line of totals, by the word after it.
    pub(in crate::test) fn counted(&self, word: &str) -> Option<u64> {
        number_before(self.stderr.lines().last()?, word)
    }

    /// The reports: one JSON object per line and nothing else.
    pub(in crate::test) fn reports(&self) -> Result<Vec<Value>> {
        let lines = self.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let value: Value = serde_json::from_slice(line)
                    .with_context(|| format!("no JSON: {}", line.escape_ascii()))?;
                ensure!(value.is_object(), "no object: {value}");
                Ok(value)
            })
            .collect()
    }
}

/// The value at a place in JSON. Null if there is none.
pub(in crate::test) fn at<'a>(value: &'a Value, place: &str) -> &'a Value {
    value.pointer(place).unwrap_or(&Value::Null)
}

/// The lines of a running program, with a limit on how long to wait for one: a program that says nothing must not block the run.
pub(super) struct Lines(Receiver<String>);

/// The longest wait for a line.
const SILENCE: Duration = Duration::from_secs(120);

impl Lines {
    /// Reads on a thread of its own.
    pub(super) fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self(lines)
    }

    /// Waits for the next line, which must contain a text.
    pub(super) fn next_has(&self, expected: &str) -> Result<()> {
        let line = self.0.recv_timeout(SILENCE).with_context(|| format!("no line with \"{expected}\""))?;
        ensure!(line.contains(expected), "expected \"{expected}\": {line}");
        Ok(())
    }
}
