//! Where ordinary kills happen: memory is short nearby, and not for whom is killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::super::local::Local;
use crate::scratch::Scratch;

/// Memory of the cgroup that is nearly full.
const LIMIT_BYTES: u64 = 64 << 20;

/// What one process of it holds, MiB: 94 %.
const HELD_MIB: &str = "60";

/// What the page cache could hold, more than the limit.
const FILE_BYTES: u64 = 96 << 20;

/// Memory of a cgroup with room.
const ROOM_BYTES: u64 = 1 << 30;

/// A place.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In a cgroup with room, beside one that is nearly full.
    Beside,
    /// In a cgroup that is full of page cache.
    Cached,
    /// In a cgroup that is nearly full of anonymous memory: the control.
    Full,
}

/// A place that has been set up; all of it ends when it is dropped.
pub(super) struct Scene {
    /// First, so that it ends before its cgroup.
    _holder: Option<Holder>,
    full: Scratch,
    room: Option<Scratch>,
}

/// A process that holds memory.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        // It has ended already, or does so now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Scene {
    /// The cgroup of those who are killed.
    pub(super) fn target(&self) -> &Path {
        &self.room.as_ref().unwrap_or(&self.full).path
    }
}

impl Place {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Beside => "beside a cgroup that is 94 % full",
            Self::Cached => "in a cgroup that is full of page cache",
            Self::Full => "in a cgroup that is 94 % full",
        }
    }

    /// Sets it up.
    pub(super) fn set(self, local: &Local) -> Result<Scene> {
        let full = Scratch::new(&local.hierarchy, b"oomtrace-alarms-full", LIMIT_BYTES)?;
        let room = || Scratch::new(&local.hierarchy, b"oomtrace-alarms-room", ROOM_BYTES);
        let (holder, room) = match self {
            Self::Beside => (Some(hold(local, &full)?), Some(room()?)),
            Self::Full => (Some(hold(local, &full)?), None),
            Self::Cached => {
                read(local, &full)?;
                (None, None)
            }
        };
        Ok(Scene { _holder: holder, full, room })
    }
}

/// Anonymous memory in a cgroup.
fn hold(local: &Local, cgroup: &Scratch) -> Result<Holder> {
    let mut command = Command::new(local.program("hog"));
    command.arg("--cgroup").arg(&cgroup.path).args(["--hold", "anon", "--mib", HELD_MIB]);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting a process that holds memory")?;
    let mut holder = Holder(child);
    let stdout = holder.0.stdout.take().context("no standard output")?;
    let holds = BufReader::new(stdout).lines().map_while(Result::ok).any(|word| word == "holding");
    ensure!(holds, "the process that holds memory ended early");
    Ok(holder)
}

/// Page cache in a cgroup: of a file on a disk, larger than its limit.
fn read(local: &Local, cgroup: &Scratch) -> Result<()> {
    let file = local.program("cached");
    fs::File::create(&file).and_then(|file| file.set_len(FILE_BYTES)).context("making a file")?;
    let script = format!(
        "echo $$ > {}/cgroup.procs && exec cat {} > /dev/null",
        cgroup.path.display(),
        file.display()
    );
    let done = Command::new("sh").args(["-c", &script]).status().context("starting a shell")?;
    ensure!(done.success(), "{} could not be read in {}", file.display(), cgroup.path.display());
    let usage = ["memory.usage_in_bytes", "memory.current"].map(|name| cgroup.path.join(name));
    let usage = usage.iter().find_map(|file| fs::read_to_string(file).ok()).context("no usage")?;
    let used: u64 = usage.trim().parse().context("reading the usage")?;
    ensure!(
        used * 10 >= LIMIT_BYTES * 9,
        "only {used} bytes of page cache: is {} on a tmpfs?",
        file.display()
    );
    Ok(())
}
