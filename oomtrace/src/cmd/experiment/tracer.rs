//! The tracer of a run: `oomtrace watch --record`, as a user would start it. It ends by itself when its output is no longer
//! read.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{CommandFactory as _, ValueEnum as _};
use rustix::process::{Pid, Signal, kill_process};

use super::{super::settings::NO_FILE, children::STEP, experiment::Interrupted};
use crate::cli::{
    Cli, TierChoice,
    settings::{options, variable},
};

/// The maximum time to get ready, or to end. It is long because a busy machine is slow, and the run is lost without the tracer.
const PATIENCE: Duration = Duration::from_secs(600);

/// A running tracer.
pub(super) struct Tracer {
    child: Child,
    /// One report per message.
    reports: Receiver<String>,
}

impl Tracer {
    /// Starts it, to record to a file in the directory. It is armed when this returns, unless the experiment was interrupted in
    /// the meantime.
    pub(super) fn start(
        (directory, recording): (&Path, &str),
        tier: TierChoice,
        is_interrupted: impl Fn() -> bool,
    ) -> Result<Self> {
        let tier = tier.to_possible_value().context("a tier without a name")?;
        let mut child = without_settings("/proc/self/exe")
            .args(["--format", "json", "--tier", tier.get_name(), "--record"])
            .arg(recording)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // The experiment handles signals from the terminal and ends the tracer itself.
            .process_group(0)
            .spawn()
            .context("starting the tracer")?;
        let stderr = child.stderr.take().context("the tracer has no standard error")?;
        let stdout = child.stdout.take().context("the tracer has no standard output")?;
        let (reports, words) = (lines(stdout), lines(stderr));
        let tracer = Self { child, reports };
        tracer.armed(&words, is_interrupted)?;
        Ok(tracer)
    }

    /// Waits until it is armed. If it prints an error, it also exits.
    fn armed(&self, words: &Receiver<String>, is_interrupted: impl Fn() -> bool) -> Result<()> {
        let (begun, mut said) = (Instant::now(), String::new());
        loop {
            match words.recv_timeout(STEP) {
                Ok(line) if line.contains("armed") => return Ok(()),
                Ok(line) => said = line,
                Err(_) if is_interrupted() => return Err(Interrupted.into()),
                Err(RecvTimeoutError::Timeout) if begun.elapsed() < PATIENCE => {}
                Err(_) => bail!("cannot start the tracer: {said}"),
            }
        }
    }

    /// Whether an incident of this cgroup or of the machine was reported.
    pub(super) fn has_reported(&self, cgroup: &str) -> bool {
        let concerns = |report: &String| report.contains(cgroup) || !report.contains("\"kind\":\"memcg\"");
        self.reports.try_iter().filter(concerns).count() > 0
    }

    /// Ends it. Its recording is then complete.
    pub(super) fn finish(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("the tracer's pid")?;
        kill_process(pid, Signal::INT).context("ending the tracer")?;
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait().context("waiting for the tracer")? {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => bail!("the tracer does not exit"),
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        ensure!(status.success(), "the tracer ended with {status}");
        Ok(())
    }

    fn stop(&mut self) {
        // It is no longer needed and may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `watch` without the settings of the machine: they could hide reports, or use the port or the socket of another tracer.
fn without_settings(program: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["watch", "--config", NO_FILE]);
    let cli = Cli::command();
    let names = cli.find_subcommand("watch").into_iter().flat_map(options).filter_map(|arg| arg.get_long());
    for name in names {
        command.env_remove(variable(name));
    }
    command
}

fn lines(output: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (said, heard) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            // Read to the end even if there is no receiver: a tracer with a full pipe would block.
            let _ = said.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    heard
}
