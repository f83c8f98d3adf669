//! The places of ordinary kills: memory is short nearby, but not for the killed process.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::super::local::Local;
use crate::host::scratch::Scratch;

/// Limit of the almost full cgroup.
const LIMIT_BYTES: u64 = 64 << 20;

/// The memory of its process in MiB: 94 % of the limit.
const HELD_MIB: &str = "60";

/// The size of the file for the page cache, which exceeds the limit.
const FILE_BYTES: u64 = 96 << 20;

/// Limit of a cgroup with room.
const ROOM_BYTES: u64 = 1 << 30;

/// A place.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In a cgroup with room, beside an almost full one.
    Beside,
    /// In a cgroup that is full of page cache.
    Cached,
    /// In a cgroup that is almost full of anonymous memory: the control.
    Full,
}

/// A prepared place, which is removed when dropped.
pub(super) struct Scene {
    /// The first field, so that it is dropped before its cgroup.
    _holder: Option<Holder>,
    full: Scratch,
    room: Option<Scratch>,
}

/// A process that holds memory.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        // It may already have exited.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Scene {
    /// The cgroup of the killed processes.
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

    /// Prepares the place.
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

/// Fills a cgroup with anonymous memory.
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

/// Fills a cgroup with the page cache of a file on a disk that exceeds its limit.
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
