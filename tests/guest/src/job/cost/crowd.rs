//! A cgroup that is full of small processes, and one more process that exceeds its limit.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use oomtrace_scenarios::job::HOG_FILE;
use oomtrace_scenarios::observation::Status;
use oomtrace_scenarios::scenario::{Cgroup, Hierarchy};
use oomtrace_scenarios::text::Text;
use rustix::process::{WaitOptions, wait};

use crate::cgroup::{self, Made};
use crate::processes::{Process, Processes};

/// The cgroup of the processes.
const CGROUP: &str = "/crowd";
/// The free memory below the limit: several times the memory of the largest process in the crowd.
const ROOM_BYTES: u64 = 8 << 20;
/// The memory that one more process allocates.
const WANTED_MIB: &str = "32";

/// The time limit for starting and for ending all processes.
const GATHERING: Duration = Duration::from_secs(300);
/// The time limit for the kill of one process.
const DYING: Duration = Duration::from_secs(60);

/// The small processes. They run until `disperse` is called.
pub(super) struct Crowd {
    processes: Processes,
    _cgroup: Made,
    folder: PathBuf,
    /// Whether the decisions concern the machine.
    of_machine: bool,
    /// The memory of all processes.
    pub(super) bytes: u64,
}

impl Crowd {
    /// Start this number of processes, and wait until all of them hold their memory.
    pub(super) fn gather(count: u32, of_machine: bool) -> Result<Self> {
        let path = Text::from(CGROUP);
        let folder = cgroup::directory(Hierarchy::V2, &path);
        let files = vec![("memory.max".to_owned(), "max".to_owned())];
        let made = Made::new(Hierarchy::V2, &Cgroup { path, files })?;
        let mut crowd = Self { processes: Processes::new(), _cgroup: made, folder, of_machine, bytes: 0 };
        let count = count.to_string();
        let number = crowd.processes.start(&mut crowd.hog(&["--hold", "crowd", "--count", &count]))?;
        let said = |p: &Processes| p.get(number).is_ok_and(|process| process.said("holding"));
        let over = |p: &Processes| p.get(number).is_ok_and(Process::is_over);
        crowd.processes.until(Instant::now() + GATHERING, |p| said(p) || over(p))?;
        if !said(&crowd.processes) {
            bail!("not all came: {}", crate::tracer::text(&crowd.processes.get(number)?.err));
        }
        crowd.bytes = crowd.usage()?;
        Ok(crowd)
    }

    /// Let one more process allocate more memory than is free below the limit, or request a kill with SysRq-f. The kernel kills that
    /// process.
    pub(super) fn run_out(&self, processes: &mut Processes) -> Result<()> {
        let number = if self.of_machine { self.request(processes)? } else { self.exceed(processes)? };
        processes.until(Instant::now() + DYING, |p| p.get(number).is_ok_and(Process::is_over))?;
        let status = processes.get(number)?.status;
        ensure!(status == Some(Status::Signal(libc::SIGKILL)), "the one too many was not killed: {status:?}");
        Ok(())
    }

    /// The kernel evaluates all processes of the machine and chooses the one with the highest score.
    fn request(&self, processes: &mut Processes) -> Result<usize> {
        let mut hog = self.hog(&["--hold", "--adj", "1000", "anon", "--mib", WANTED_MIB]);
        let number = processes.start(&mut hog)?;
        let said = |p: &Processes| p.get(number).is_ok_and(|process| process.said("holding"));
        processes.until(Instant::now() + GATHERING, said)?;
        fs::write("/proc/sysrq-trigger", "f").context("requesting a kill")?;
        Ok(number)
    }

    fn exceed(&self, processes: &mut Processes) -> Result<usize> {
        let limit = self.usage()? + ROOM_BYTES;
        let file = self.folder.join("memory.max");
        fs::write(&file, limit.to_string())
            .with_context(|| format!("writing {limit} to {}", file.display()))?;
        processes.start(&mut self.hog(&["anon", "--mib", WANTED_MIB]))
    }

    /// End all processes. They exit with the process that created them.
    pub(super) fn disperse(mut self) -> Result<()> {
        self.processes.end_all(Instant::now() + DYING)?;
        let deadline = Instant::now() + GATHERING;
        // They have become children of PID 1, and PID 1 has no other children now. An error means that no child is left.
        while wait(WaitOptions::NOHANG).is_ok() {
            ensure!(Instant::now() < deadline, "the crowd does not disperse");
        }
        Ok(())
    }

    fn hog(&self, arguments: &[&str]) -> Command {
        let mut hog = Command::new(HOG_FILE);
        hog.arg("--cgroup").arg(&self.folder).args(arguments).stdout(Stdio::piped());
        hog
    }

    fn usage(&self) -> Result<u64> {
        let file = self.folder.join("memory.current");
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        text.trim().parse().with_context(|| format!("{} holds no number: {text}", file.display()))
    }
}
