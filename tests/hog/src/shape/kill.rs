//! No memory, but a SIGKILL to another process: as a program that watches memory sends it, or after freezing the target.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use oomtrace_scenarios::job::FREEZER_DIRECTORY;
use oomtrace_scenarios::text::Text;
use rustix::process::{Pid, Signal, kill_process};

use super::Taken;

/// The longest time that freezing a process may take.
const FREEZING: Duration = Duration::from_secs(30);

/// Sends SIGKILL to a process, or to all processes of a cgroup.
#[derive(Args)]
pub(crate) struct Kill {
    /// Name of the one process to kill, `\xNN` standing for any byte
    #[arg(long, required_unless_present_any = ["kill_cgroup", "kill_members"])]
    target: Option<Text>,
    /// Directory of the cgroup to kill as a whole instead (`cgroup.kill`)
    #[arg(long)]
    kill_cgroup: Option<Text>,
    /// Limit that cgroup to a twentieth more than its usage before
    #[arg(long, requires = "kill_cgroup")]
    limit_before: bool,
    /// Directory of the cgroup whose processes to kill one by one instead, as a supervisor does
    #[arg(long)]
    kill_members: Option<Text>,
    /// Freeze the target before, so that it cannot die until it is thawed (cgroup v1's freezer)
    #[arg(long, requires = "target")]
    freeze: bool,
}

impl Kill {
    pub(crate) fn take(&self) -> Result<Taken> {
        if let Some(directory) = &self.kill_cgroup {
            if self.limit_before {
                limit(directory).with_context(|| format!("limiting {directory}"))?;
            }
            let file = directory.to_path().join("cgroup.kill");
            fs::write(&file, "1").with_context(|| format!("writing {}", file.display()))?;
        }
        if let Some(directory) = &self.kill_members {
            let file = directory.to_path().join("cgroup.procs");
            let members = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            for pid in members.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
                kill_process(pid, Signal::KILL).context("killing a member")?;
            }
        }
        if let Some(target) = &self.target {
            let pid = named(target)?;
            if self.freeze {
                freeze(pid).with_context(|| format!("freezing {target}"))?;
            }
            kill_process(pid, Signal::KILL).with_context(|| format!("killing {target}"))?;
        }
        Ok(Taken::default())
    }
}

/// Limits a cgroup to slightly more than its usage, so that it is short of memory but does not run out.
fn limit(directory: &Text) -> Result<()> {
    let directory = directory.to_path();
    let usage = fs::read_to_string(directory.join("memory.current")).context("reading memory.current")?;
    let usage: u64 = usage.trim().parse().context("memory.current is no number")?;
    fs::write(directory.join("memory.max"), usage.saturating_add(usage / 20).to_string())
        .context("writing memory.max")
}

/// Moves a process to a cgroup of the freezer, and waits until it is frozen.
fn freeze(pid: Pid) -> Result<()> {
    let cgroup = Path::new(FREEZER_DIRECTORY).join("frozen");
    let write = |name: &str, value: &str| {
        fs::write(cgroup.join(name), value).with_context(|| format!("writing {value} to {name}"))
    };
    fs::create_dir_all(&cgroup).with_context(|| format!("making {}", cgroup.display()))?;
    write("cgroup.procs", &pid.as_raw_nonzero().to_string())?;
    write("freezer.state", "FROZEN")?;
    let deadline = Instant::now() + FREEZING;
    let state = || fs::read_to_string(cgroup.join("freezer.state")).unwrap_or_default();
    while state().trim() != "FROZEN" {
        ensure!(Instant::now() < deadline, "it is not frozen after {FREEZING:?}");
        // The kernel sends no notification when the process is frozen, so this polls.
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Returns the only process with that name.
pub(super) fn named(comm: &Text) -> Result<Pid> {
    let processes = fs::read_dir("/proc").context("reading /proc")?.flatten();
    let mut found =
        processes.map(|entry| entry.path()).filter(|path| is_named(path, comm)).filter_map(|path| pid(&path));
    match (found.next(), found.next()) {
        (Some(pid), None) => Ok(pid),
        (None, _) => bail!("no process is named {comm}"),
        (Some(_), Some(_)) => bail!("several processes are named {comm}"),
    }
}

fn is_named(process: &Path, comm: &Text) -> bool {
    let name = fs::read(process.join("comm")).unwrap_or_default();
    name.strip_suffix(b"\n") == Some(comm.as_bytes())
}

fn pid(process: &Path) -> Option<Pid> {
    Pid::from_raw(process.file_name()?.to_str()?.parse().ok()?)
}
