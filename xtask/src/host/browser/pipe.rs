//! The browser's protocol: JSON messages, each terminated by a NUL byte, over two pipes.
//! <https://chromedevtools.github.io/devtools-protocol/>

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

/// The time limit of an answer, so that a browser that hangs is an error.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser reads messages from descriptor 3 and answers on 4. A shell moves our two pipes there and then executes the
/// browser.
const SHELL: &str = r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// A connection to a separate browser, which ends with it.
pub(super) struct Pipe {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Vec<u8>>,
    next_id: u64,
    /// Unrequested events, in order.
    pub(super) events: Vec<Value>,
}

impl Pipe {
    /// Starts a browser that keeps its files in this directory and, as far as options allow, uses no network.
    pub(super) fn start(program: &Path, profile: &Path) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).arg(program);
        command.args([
            "--headless",
            // Its sandbox cannot be set up as root. The browser opens only the tests' own pages.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--no-first-run",
            "--remote-debugging-pipe",
        ]);
        command.arg(format!("--user-data-dir={}", profile.display())).env("HOME", profile);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let input = child.stdin.take().context("a browser without a pipe")?;
        let mut output = BufReader::new(child.stdout.take().context("a browser without a pipe")?);
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                if sender.send(std::mem::take(&mut message)).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, messages, next_id: 1, events: Vec::new() })
    }

    /// Sends a request and waits for the answer. Events that arrive meanwhile are kept.
    pub(super) fn ask(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let (Some(session), Some(fields)) = (session, message.as_object_mut()) {
            fields.insert("sessionId".to_owned(), session.into());
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.input.write_all(&bytes).and_then(|()| self.input.flush()).context("sending to the browser")?;
        let answer = self.wait_for(|message| message.get("id").and_then(Value::as_u64) == Some(id))?;
        if let Some(error) = answer.get("error") {
            bail!("the browser refused {method}: {error}");
        }
        Ok(answer.get("result").cloned().unwrap_or(Value::Null))
    }

    /// Waits for an event that has not arrived yet.
    pub(super) fn wait_for_event(&mut self, method: &str) -> Result<()> {
        let is_it = |message: &Value| message.get("method").is_some_and(|known| known == method);
        if self.events.iter().any(is_it) {
            return Ok(());
        }
        let event = self.wait_for(is_it)?;
        self.events.push(event);
        Ok(())
    }

    fn wait_for(&mut self, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = match self.messages.recv_timeout(left) {
                Ok(bytes) => bytes,
                Err(RecvTimeoutError::Timeout) => bail!("the browser does not answer"),
                Err(RecvTimeoutError::Disconnected) => bail!("the browser exited: {:?}", self.child.wait()),
            };
            let message = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
            let message: Value = serde_json::from_slice(message).context("the browser's answer")?;
            ensure!(message.is_object(), "unexpected message from the browser: {message}");
            if is_it(&message) {
                return Ok(message);
            }
            self.events.push(message);
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // It may already have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
