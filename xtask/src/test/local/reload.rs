//! SIGHUP while a tracer runs: it reads its settings again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::Local;
use super::kills::kill_one;
use super::tracer::Lines;
use crate::host::scratch::Scratch;

/// The filter of another cgroup, and that of the test's own.
const OTHER: &str = "cgroup = '/oomtrace-test-other'\n";
const OWN: &str = "cgroup = '/oomtrace-test-reload'\n";

/// A tracer with a file of settings. It has no controlling terminal.
struct Tracer {
    child: Child,
    file: PathBuf,
    stdout: Lines,
    stderr: Lines,
}

impl Tracer {
    /// Starts a tracer with these settings, and waits until it is armed. `launcher` starts it.
    fn start(local: &Local, launcher: &[&str], settings: &str) -> Result<Self> {
        let file = local.program("reload.toml");
        fs::write(&file, settings).context("writing the settings")?;
        let mut child = Command::new("setsid")
            .args(launcher)
            .arg(local.program("oomtrace"))
            .args(["watch", "--format", "json", "--history", "off", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting oomtrace")?;
        let stdout = Lines::of(child.stdout.take().context("no stdout")?);
        let stderr = Lines::of(child.stderr.take().context("no stderr")?);
        let tracer = Self { child, file, stdout, stderr };
        tracer.stderr.next_has("armed")?;
        Ok(tracer)
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        ensure!(sent.context("sending a signal")?.success(), "kill {signal} failed");
        Ok(())
    }

    /// Changes the file and sends SIGHUP. The message must contain all of these texts, each in a line of its own.
    fn reload(&self, settings: &str, said: &[String]) -> Result<()> {
        fs::write(&self.file, settings).context("writing the settings")?;
        self.signal("-HUP")?;
        said.iter().try_for_each(|said| self.stderr.next_has(said))
    }

    /// Causes a kill. Its report must be the next one.
    fn reports_kill(&self, local: &Local, scratch: &Scratch) -> Result<()> {
        let pid = kill_one(local, scratch, &[])?;
        self.stdout.next_has(&format!("\"victims\":[{{\"pid\":{pid},"))
    }

    fn end(mut self) -> Result<()> {
        self.signal("-TERM")?;
        self.stderr.next_has("incidents")?;
        let status = self.child.wait().context("waiting for oomtrace")?;
        ensure!(status.success(), "oomtrace exited with {status}");
        Ok(())
    }
}

fn at(file: &Path, line: usize) -> String {
    format!("{}:{line}", file.display())
}

/// Checks that filters change between two kills, that other settings are named, and that a wrong file changes nothing.
pub(super) fn applies_between_kills(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-reload", 4 << 20)?;
    let tracer = Tracer::start(local, &[], OTHER)?;
    let file = tracer.file.clone();
    // Its incident may still be open when the signal arrives. The old filter judges it.
    kill_one(local, &scratch, &[])?;
    let changed = format!("settings reloaded, changed: `cgroup` ({})", at(&file, 1));
    tracer.reload(OWN, &[changed])?;
    tracer.reports_kill(local, &scratch)?;
    tracer.reload(
        &format!("{OTHER}comm =\n"),
        &[format!("settings not reloaded, the old ones stay: {}: ", at(&file, 2))],
    )?;
    tracer.reports_kill(local, &scratch)?;
    let unknown =
        format!("settings not reloaded, the old ones stay: {}: there is no setting `comn`", at(&file, 1));
    tracer.reload("comn = 'x'\n", &[unknown])?;
    let none = "settings reloaded, none of those that apply at once changed".to_owned();
    let later = format!("`redact` in {} takes effect at the next start", at(&file, 2));
    tracer.reload(&format!("{OWN}redact = true\n"), &[none, later])?;
    tracer.reports_kill(local, &scratch)?;
    tracer.reload(OWN, &["settings reloaded, none of them changed".to_owned()])?;
    tracer.end()
}

/// Checks that a tracer under `nohup` still ignores the signal.
pub(super) fn stays_ignored(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-reload", 4 << 20)?;
    let tracer = Tracer::start(local, &["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""], OWN)?;
    tracer.reload(OTHER, &[])?;
    tracer.reports_kill(local, &scratch)?;
    tracer.end()
}
