//! `oomtrace list --follow` while a recorder runs.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    Local,
    kills::kill_one,
    tracer::{Lines, Tracer},
};
use crate::host::scratch::Scratch;

/// Checks that each kill is printed while the recorder runs, also after the recorder was killed and started again.
pub(super) fn prints_each_kill(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-follow", 4 << 20)?;
    let directory = local.program("follow");
    fs::create_dir(&directory).context("creating a directory")?;
    let place = directory.to_str().context("a path that is not UTF-8")?;
    let record = || Tracer::start(local, &["record", "--dir", place, "--history", "off"]);
    let recorder = record()?;
    let mut list = Command::new(local.program("oomtrace"));
    list.args(["list", "--follow", "--cgroup", "/oomtrace-test-follow", "--format", "json", place]);
    let list = Following::start(&mut list)?;
    for _ in 0..3 {
        list.next_is(kill_one(local, &scratch, &[])?)?;
    }
    recorder.end("-KILL")?;
    let recorder = record()?;
    list.next_is(kill_one(local, &scratch, &[])?)?;
    recorder.end("-INT")?;
    let recorder = record()?;
    list.next_is(kill_one(local, &scratch, &[])?)?;
    recorder.end("-INT")?;
    drop(list);
    fs::remove_dir_all(&directory).context("removing the recordings")
}

/// Checks that damage at the end of the newest recording is reported as `list` reports it, and that the next recording is read.
pub(super) fn reports_damage(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-damage", 4 << 20)?;
    let directory = local.program("damage");
    fs::create_dir(&directory).context("creating a directory")?;
    let place = directory.to_str().context("a path that is not UTF-8")?;
    let record = || Tracer::start(local, &["record", "--dir", place, "--history", "off"]);
    let recorder = record()?;
    let first = kill_one(local, &scratch, &[])?;
    recorder.end("-INT")?;
    let file = fs::read_dir(&directory)?.next().context("no recording")??.path();
    damage(&file)?;
    let only = ["--cgroup", "/oomtrace-test-damage", "--format", "json"];
    let list = |follow: &[&str]| -> Result<Output> {
        let mut list = Command::new("timeout");
        list.arg("120").arg(local.program("oomtrace")).arg("list").args(follow).args(only).arg(&file);
        list.output().context("running list")
    };
    let (once, followed) = (list(&[])?, list(&["--follow"])?);
    ensure!(once.status.code() == Some(6), "list exited with {}", once.status);
    ensure!(followed == once, "{followed:?} instead of {once:?}");
    let mut list = Command::new(local.program("oomtrace"));
    list.args(["list", "--follow"]).args(only).arg(place);
    let list = Following::start(&mut list)?;
    list.next_is(first)?;
    list.messages.next_has("is damaged")?;
    let recorder = record()?;
    list.next_is(kill_one(local, &scratch, &[])?)?;
    recorder.end("-INT")?;
    drop(list);
    fs::remove_dir_all(&directory).context("removing the recordings")
}

/// Changes a byte of the last record.
fn damage(file: &Path) -> Result<()> {
    let mut bytes = fs::read(file).context("reading the recording")?;
    let at = bytes.len().saturating_sub(16);
    *bytes.get_mut(at).context("an empty recording")? ^= 1;
    fs::write(file, bytes).context("damaging the recording")
}

/// A running `list --follow`, which is killed with this value.
struct Following {
    child: Child,
    lines: Lines,
    messages: Lines,
}

impl Following {
    fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting list")?;
        let lines = Lines::of(child.stdout.take().context("no stdout")?);
        let messages = Lines::of(child.stderr.take().context("no stderr")?);
        Ok(Self { child, lines, messages })
    }

    /// Waits for the next line, which must be about the kill of this process.
    fn next_is(&self, pid: u32) -> Result<()> {
        self.lines.next_has(&format!("\"pid\":{pid},"))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
