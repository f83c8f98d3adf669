//! `record --verdict FILE -- CMD`: how CMD ended, and whether it was killed for memory.

use std::{
    cell::RefCell,
    ffi::OsString,
    io,
    os::unix::{ffi::OsStrExt as _, process::ExitStatusExt as _},
    path::Path,
    process::ExitStatus,
    rc::Rc,
};

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;

use crate::{
    bytes::ByteString,
    cmd::shared::html::PageError,
    explain::Code,
    kernel::pid_namespace::has_machines_pids,
    report::Report,
    sink::{Sink, json::line},
    trust::Output,
};

/// The version of the JSON's structure. Keys are added, never renamed.
const SCHEMA: u32 = 1;

/// Number of other kills to list.
const OTHERS: usize = 100;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// The kernel's OOM killer killed it.
    OomKill,
    /// A program that watches memory killed it.
    UserspaceKill,
    /// Another signal ended it, or SIGKILL without a shortage of memory.
    Signal,
    /// It exited by itself.
    Exit,
    /// SIGKILL ended it while frames were lost, so this may have been an OOM kill.
    Unknown,
}

/// A kill of another process during the run. The command may have ended because of it, but was not killed by it.
#[derive(Clone, Debug, Serialize)]
struct Other {
    incident: String,
    pid: Option<i32>,
    comm: Option<ByteString>,
    cgroup: Option<ByteString>,
    summary: String,
}

/// The content of the file (`docs/why.md`).
#[derive(Serialize)]
struct Verdict<'a> {
    schema: u32,
    verdict: Ending,
    command: Vec<ByteString>,
    pid: i32,
    exit_code: Option<i32>,
    signal: Option<i32>,
    report: Option<&'a Value>,
    other_kills: &'a [Other],
    other_kills_total: u64,
    lost_frames: u64,
}

/// Who killed the command, and with which signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killer {
    /// The kernel, with SIGKILL.
    Kernel,
    /// A program, with SIGKILL.
    Program,
    /// A program told it to exit, with SIGTERM only.
    ByRequest,
}

impl Killer {
    fn of(report: &Report) -> Self {
        let is_killed = report.victims.iter().all(|victim| victim.aftermath.sigkill_ns.is_some());
        if report.cause.code != Code::Userspace {
            Self::Kernel
        } else if report.is_sigterm() && !is_killed {
            Self::ByRequest
        } else {
            Self::Program
        }
    }
}

/// The kills seen so far.
#[derive(Default)]
struct Seen {
    /// The report of the kill of the command.
    own: Option<(Value, Killer)>,
    others: Vec<Other>,
    total: u64,
}

/// Collects the kills while the command runs.
#[derive(Clone)]
pub(super) struct Collector {
    pid: i32,
    seen: Rc<RefCell<Seen>>,
}

impl Collector {
    /// Returns a collector for the command with this process id.
    pub(super) fn new(pid: i32) -> Self {
        Self { pid, seen: Rc::default() }
    }

    /// Writes the verdict.
    pub(super) fn write(
        &self,
        file: &Path,
        command: &[OsString],
        status: ExitStatus,
        lost_frames: u64,
    ) -> Result<()> {
        let seen = self.seen.borrow();
        let own = seen.own.as_ref();
        let verdict = Verdict {
            schema: SCHEMA,
            verdict: ending(status.signal(), own.map(|(_, killer)| *killer), lost_frames),
            command: command.iter().map(|word| ByteString::from(word.as_bytes().to_vec())).collect(),
            pid: self.pid,
            exit_code: status.code(),
            signal: status.signal(),
            report: own.map(|(report, _)| report),
            other_kills: &seen.others,
            other_kills_total: seen.total,
            lost_frames,
        };
        let mut text = Vec::new();
        line(&mut text, &verdict).context("making the verdict")?;
        let written = Output::find(file).map_err(io::Error::from).and_then(|output| output.write(&text));
        Ok(written.map_err(|error| PageError::Write { path: file.to_owned(), error })?)
    }
}

/// Returns how the command ended. The kernel ends a process only by SIGKILL, and programs that kill for memory by SIGKILL or SIGTERM. A
/// victim that exits before the signal takes effect ended by itself.
fn ending(signal: Option<i32>, killer: Option<Killer>, lost_frames: u64) -> Ending {
    match (signal, killer) {
        (Some(libc::SIGKILL), Some(Killer::Kernel)) => Ending::OomKill,
        (Some(libc::SIGKILL), Some(Killer::Program)) => Ending::UserspaceKill,
        (Some(libc::SIGTERM), Some(Killer::ByRequest)) => Ending::UserspaceKill,
        (Some(libc::SIGKILL), None) if lost_frames > 0 => Ending::Unknown,
        (Some(_), _) => Ending::Signal,
        (None, _) => Ending::Exit,
    }
}

impl Sink for Collector {
    fn hears_decisions(&self) -> bool {
        false
    }

    fn decided(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }

    fn closed(&mut self, report: &Report) -> io::Result<()> {
        if !report.has_killed() {
            return Ok(());
        }
        let is_victim = if has_machines_pids() { Report::has_victim } else { Report::has_victim_inside };
        let mut seen = self.seen.borrow_mut();
        if is_victim(report, self.pid) {
            // A program may have told the process to exit before the kernel killed it, and that act may end later.
            if seen.own.as_ref().is_none_or(|(_, killer)| *killer != Killer::Kernel) {
                seen.own = Some((serde_json::to_value(report)?, Killer::of(report)));
            }
            return Ok(());
        }
        seen.total += 1;
        if seen.others.len() < OTHERS {
            seen.others.push(Other::of(report));
        }
        Ok(())
    }
}

impl Other {
    fn of(report: &Report) -> Self {
        let process = report.chosen().map(|victim| &victim.process);
        Self {
            incident: report.id.clone(),
            pid: process.and_then(|process| process.pid),
            comm: process.and_then(|process| process.comm.clone()),
            cgroup: process.and_then(|process| process.cgroup.clone()),
            summary: report.cause.summary.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::{Collector, Ending, Killer, ending};
    use crate::sink::{Sink as _, terminal::example};

    #[test]
    fn oom_kill_requires_sigkill_and_report() {
        assert_eq!(ending(Some(9), Some(Killer::Kernel), 0), Ending::OomKill);
        assert_eq!(ending(Some(9), Some(Killer::Program), 0), Ending::UserspaceKill);
        assert_eq!(ending(Some(15), Some(Killer::ByRequest), 0), Ending::UserspaceKill);
        assert_eq!(ending(Some(9), None, 0), Ending::Signal);
        assert_eq!(ending(Some(9), None, 3), Ending::Unknown);
        // Another signal ended it.
        assert_eq!(ending(Some(15), Some(Killer::Kernel), 0), Ending::Signal);
        assert_eq!(ending(Some(15), Some(Killer::Program), 0), Ending::Signal);
        assert_eq!(ending(Some(9), Some(Killer::ByRequest), 0), Ending::Signal);
        // A program may exit with status 137 by itself.
        assert_eq!(ending(None, None, 0), Ending::Exit);
    }

    fn verdict(pid: i32, status: i32) -> serde_json::Value {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("verdict.json");
        let mut collector = Collector::new(pid);
        collector.closed(&example::memcg_kill()).unwrap();
        let command = [OsString::from("make"), OsString::from("-j64")];
        collector.write(&file, &command, ExitStatus::from_raw(status), 0).unwrap();
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap()
    }

    #[test]
    fn lists_kill_of_child_without_blaming_it() {
        let own = verdict(812, 9);
        assert_eq!((&own["verdict"], &own["report"]["id"]), (&"oom_kill".into(), &"10e8b1f00".into()));
        assert_eq!(own["other_kills_total"], 0);
        let other = verdict(7, 15);
        assert_eq!((&other["verdict"], &other["signal"]), (&"signal".into(), &15.into()));
        assert_eq!(other["other_kills"][0]["comm"], "python3");
        let by_itself = verdict(7, 137 << 8);
        assert_eq!((&by_itself["verdict"], &by_itself["exit_code"]), (&"exit".into(), &137.into()));
    }
}
