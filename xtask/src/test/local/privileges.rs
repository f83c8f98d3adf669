//! The remaining privileges of an armed tracer.

use std::{fs, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};

use super::Local;
use super::kills::kill_one;
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

/// The capabilities that each thread may keep, by its name and by the bits of
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/capability.h>: CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE,
/// CAP_DAC_READ_SEARCH and CAP_IPC_LOCK to trace; CAP_DAC_OVERRIDE and CAP_IPC_LOCK to record; CAP_IPC_LOCK to sample memory.
const KEPT: [(&str, &[u32]); 3] =
    [("oomtrace", &[39, 38, 19, 2, 14]), ("oomtrace-record", &[1, 14]), ("oomtrace-sample", &[14])];

/// The threads that may be there: two read names if there are container runtimes, from files that only root or another user can
/// read; the last one reads the executables of other users' processes once a stack was recorded.
const OPTIONAL: [(&str, &[u32]); 3] =
    [("oomtrace-names", &[2, 14]), ("oomtrace-users", &[2, 14]), ("oomtrace-symbol", &[19, 2, 14])];

/// The thread of `--metrics`.
const SERVER: &str = "oomtrace-server";

/// The owner of another process.
const NOBODY: &str = "65534";

/// Checks that each thread drops the rest, and that the remaining capabilities suffice to read another user's executable.
pub(super) fn given_up(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-privileges", 4 << 20)?;
    let file = local.program("privileges.oomtrace").display().to_string();
    let tracer = Tracer::start(local, &["watch", "--format", "json", "--record", &file])?;
    let held = held_with(tracer.pid(), "oomtrace-record");
    let pid = kill_one(local, &scratch, &["--uid", NOBODY])?;
    let said = tracer.end("-INT")?;
    fs::remove_file(&file).with_context(|| format!("removing {file}"))?;
    judge(&held?)?;
    let reports = said.reports()?;
    let own = reports.iter().find(|report| at(report, "/victims/0/pid") == pid).context("no report")?;
    let program = local.program("hog").display().to_string();
    ensure!(at(own, "/victims/0/exe") == program.as_str(), "the executable was not seen: {own}");
    Ok(())
}

/// Checks that the thread that answers scrapes has no capability and that its system calls are filtered.
pub(super) fn server_has_none(local: &Local) -> Result<()> {
    let tracer = Tracer::start(local, &["watch", "--metrics", "0"])?;
    let held = held_with(tracer.pid(), SERVER);
    tracer.end("-INT")?;
    let held = held?;
    let server = held.iter().find(|thread| thread.name == SERVER).with_context(|| format!("no {SERVER}"))?;
    ensure!(server.capabilities == 0, "{SERVER} kept {:#x}", server.capabilities);
    ensure!(server.filtered, "{SERVER} can make every system call");
    Ok(())
}

/// A thread of the tracer.
#[derive(Debug)]
struct Thread {
    name: String,
    /// All capabilities that it has or can acquire.
    capabilities: u64,
    /// Whether its system calls are filtered.
    filtered: bool,
}

/// The threads, once one of them has this name: a thread sets its name when it first runs.
fn held_with(pid: u32, name: &str) -> Result<Vec<Thread>> {
    for _ in 0..250 {
        let held = held(pid)?;
        if held.iter().any(|thread| thread.name == name) {
            return Ok(held);
        }
        thread::sleep(Duration::from_millis(20));
    }
    held(pid)
}

fn held(pid: u32) -> Result<Vec<Thread>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("reading oomtrace's threads")?;
    threads
        .map(|thread| {
            let path = thread.context("reading oomtrace's threads")?.path().join("status");
            let status = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let set = |name: &str| -> Result<u64> {
                let set = field(name).with_context(|| format!("{} has no {name}", path.display()))?;
                u64::from_str_radix(set, 16).with_context(|| format!("{name} {set}"))
            };
            let name = field("Name:").context("a thread without a name")?.to_owned();
            let capabilities = set("CapPrm:")? | set("CapEff:")? | set("CapInh:")? | set("CapAmb:")?;
            // `SECCOMP_MODE_FILTER`.
            Ok(Thread { name, capabilities, filtered: field("Seccomp:") == Some("2") })
        })
        .collect()
}

fn judge(held: &[Thread]) -> Result<()> {
    let is_there = |(name, _): &(&str, &[u32])| held.iter().any(|held| held.name == *name);
    let threads: Vec<_> = KEPT.into_iter().chain(OPTIONAL.into_iter().filter(is_there)).collect();
    for (thread, kept) in &threads {
        let found = held.iter().find(|held| held.name == *thread).with_context(|| format!("no {thread}"))?;
        let set = found.capabilities;
        let allowed = kept.iter().fold(0, |set, bit| set | 1_u64 << bit);
        ensure!(set & !allowed == 0, "{thread} kept {:#x}", set & !allowed);
        ensure!(set != 0, "{thread} kept nothing: it was not recognized");
        ensure!(found.filtered, "{thread} can make every system call");
    }
    ensure!(held.len() == threads.len(), "other threads: {held:?}");
    Ok(())
}
