//! No memory at all: a SIGKILL for somebody else, as a program that watches memory sends it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use oomtrace_scenarios::text::Text;
use rustix::process::{Pid, Signal, kill_process};

use super::Taken;

/// SIGKILL to a process, or to all of a cgroup.
#[derive(Args)]
pub(crate) struct Kill {
    /// Name of the one process to kill, `\xNN` standing for any byte
    #[arg(long, required_unless_present = "kill_cgroup")]
    target: Option<Text>,
    /// Folder of the cgroup to kill as a whole instead (`cgroup.kill`)
    #[arg(long)]
    kill_cgroup: Option<Text>,
}

impl Kill {
    pub(crate) fn take(&self) -> Result<Taken> {
        if let Some(folder) = &self.kill_cgroup {
            let file = folder.to_path().join("cgroup.kill");
            fs::write(&file, "1").with_context(|| format!("writing {}", file.display()))?;
        }
        if let Some(target) = &self.target {
            kill_process(named(target)?, Signal::KILL).with_context(|| format!("killing {target}"))?;
        }
        Ok(Taken::default())
    }
}

/// The one process of that name.
fn named(comm: &Text) -> Result<Pid> {
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
