//! `oomtrace list --follow` while a recorder runs.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};

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

/// A running `list --follow`, which is killed with this value.
struct Following {
    child: Child,
    lines: Lines,
}

impl Following {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting list")?;
        let lines = Lines::of(child.stdout.take().context("no stdout")?);
        Ok(Self { child, lines })
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
