//! The outcome of one run, from its incidents and from the observations during the run.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    attribute::cgroup::is_below,
    bytes::ByteString,
    explain::{Code, Policy},
    incident::{Incident, Role},
    report::{self, Report, report},
};

/// The victim's name for a run without a kill.
pub const NOBODY: &str = "nobody";

/// The observations of one run.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Its number among all runs, counted from 1.
    pub number: usize,
    /// The index of its variant, counted from 0.
    pub variant: usize,
    /// The recording's name, below the directory of the result.
    pub recording: String,
    /// When it started and ended, `CLOCK_BOOTTIME` ns.
    pub span_ns: (u64, u64),
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// The run's own cgroup: its path below the memory hierarchy's mount.
    pub top: String,
    /// The processes that were started.
    pub processes: Vec<Started>,
    /// Samples of the counters.
    pub samples: Vec<Sample>,
}

/// A process of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Started {
    /// Its name in the file.
    pub name: String,
    /// Its pid; `None` if it was never started.
    pub pid: Option<i32>,
    /// How it ended before the run did.
    pub ended: Option<Ended>,
}

/// How a process ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// With this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

/// Counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// When they were read, `CLOCK_BOOTTIME` ns.
    pub boot_ns: u64,
    /// The counters of the run's cgroups, by path below the memory hierarchy's mount, and of the machine, with the key "".
    pub levels: BTreeMap<String, Counters>,
}

/// Counters of a cgroup, or of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes in use.
    pub usage_bytes: u64,
    /// A number that grows whenever reclaim runs: how often a limit was about to be exceeded, or the number of pages that
    /// reclaim scanned.
    pub reclaims: u64,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Its number among all runs, counted from 1.
    pub number: usize,
    /// The variant's name.
    pub variant: String,
    /// The recording, below the directory of the result.
    pub recording: String,
    /// The victim of the first decision, by its name in the file; [`NOBODY`] if there was no kill.
    pub victim: String,
    /// Whether the time limit ended the run; a kill might have happened later.
    pub timed_out: bool,
    /// The process that allocated; for a kernel thread its name without its number.
    pub trigger: Option<String>,
    /// Why memory ran out.
    pub cause: Option<Code>,
    /// The policy.
    pub policy: Option<Policy>,
    /// Points between the chosen process and the runner-up.
    pub margin_points: Option<i64>,
    /// All processes that the kernel killed, in the order of the decisions.
    pub killed: Vec<Killed>,
    /// Other processes that died: killed with the chosen one, ended by a signal, or exited with a status other than 0.
    pub collateral: Vec<String>,
    /// From the first reclaim to the exit of the last victim, ns.
    pub recovery_ns: Option<u64>,
    /// Memory of the victims: anonymous and shared memory, swap, page tables.
    pub freed_bytes: Option<u64>,
    /// The part of it that no process had used again when the run ended.
    pub over_freed_bytes: Option<u64>,
    /// How each process of the file ended by itself; `null` if it was alive at the end.
    pub ended: BTreeMap<String, Option<Ended>>,
}

/// A victim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Killed {
    /// Its name in the file, or its `comm`.
    pub name: String,
    /// Its process id.
    pub pid: Option<i32>,
    /// Why it is a victim.
    pub role: Role,
}

/// Explains a run.
#[must_use]
pub fn run(observed: &Observed, incidents: &[Incident], variant: &str) -> Run {
    let reports: Vec<Report> = incidents.iter().map(report).filter(|report| observed.owns(report)).collect();
    let decided = reports.iter().find(|report| !report.victims.is_empty());
    let killed: Vec<Killed> =
        reports.iter().flat_map(|report| &report.victims).map(|v| observed.killed(v)).collect();
    let chosen = killed.iter().find(|killed| killed.role == Role::Chosen).or(killed.first());
    let freed_bytes = freed(&reports);
    Run {
        number: observed.number,
        variant: variant.to_owned(),
        recording: observed.recording.clone(),
        victim: chosen.map_or_else(|| NOBODY.to_owned(), |killed| killed.name.clone()),
        timed_out: observed.timed_out,
        trigger: decided.and_then(|report| observed.trigger(report)),
        cause: decided.map(|report| report.cause.code),
        policy: decided.and_then(|report| report.selection.policy),
        margin_points: decided.and_then(|report| report.selection.margin_points),
        collateral: collateral(observed, &killed),
        recovery_ns: recovery(observed, &reports),
        freed_bytes,
        over_freed_bytes: freed_bytes.and_then(|freed| over_freed(observed, &reports, freed)),
        killed,
        ended: observed.processes.iter().map(|process| (process.name.clone(), process.ended)).collect(),
    }
}

impl Observed {
    /// Whether an incident belongs to this run: it affected one of the run's cgroups or processes, or the machine.
    fn owns(&self, report: &Report) -> bool {
        let in_span = (self.span_ns.0..=self.span_ns.1).contains(&report.boot_ns);
        let is_kernels = report.cause.code != Code::Userspace;
        let is_wide = matches!(report.domain.kind, Some("system" | "cpuset" | "mempolicy"));
        in_span
            && is_kernels
            && (is_wide || report.is_in_cgroup(self.top.as_bytes()) || self.has_victim(report))
    }

    fn has_victim(&self, report: &Report) -> bool {
        self.processes.iter().filter_map(|process| process.pid).any(|pid| report.has_victim(pid))
    }

    fn killed(&self, victim: &report::Victim) -> Killed {
        let report::Process { pid, comm, leader_comm, cgroup, .. } = &victim.process;
        let comm = leader_comm.as_ref().or(comm.as_ref());
        Killed { name: self.name_of(*pid, comm, cgroup.as_ref()), pid: *pid, role: victim.role }
    }

    fn trigger(&self, report: &Report) -> Option<String> {
        let report::Process { pid, comm, leader_comm, cgroup, .. } = report.trigger.as_ref()?;
        let name = self.name_of(*pid, leader_comm.as_ref().or(comm.as_ref()), cgroup.as_ref());
        Some(name.split('/').next().map_or_else(String::new, str::to_owned))
    }

    /// The name of a process: the one in the file if the run started it, its `comm` if it is a child, and a marked `comm` if it
    /// does not belong to this experiment.
    #[must_use]
    pub fn name_of(
        &self,
        pid: Option<i32>,
        comm: Option<&ByteString>,
        cgroup: Option<&ByteString>,
    ) -> String {
        let ours = self.processes.iter().find(|process| pid.is_some() && process.pid == pid);
        if let Some(process) = ours {
            return process.name.clone();
        }
        let comm = comm.map_or_else(|| "?".to_owned(), ByteString::to_words);
        match cgroup.map(|cgroup| is_below(cgroup.as_bytes(), self.top.as_bytes())) {
            Some(false) => format!("{comm} (outside)"),
            Some(true) | None => comm,
        }
    }

    /// The cgroup or machine that ran out.
    fn level(&self, report: &Report) -> String {
        match &report.domain.cgroup {
            Some(cgroup) => String::from_utf8_lossy(cgroup.as_bytes()).into_owned(),
            None => String::new(),
        }
    }

    fn counters<'a>(&'a self, level: &'a str) -> impl Iterator<Item = (u64, Counters)> + 'a {
        self.samples.iter().filter_map(move |sample| Some((sample.boot_ns, *sample.levels.get(level)?)))
    }
}

fn collateral(observed: &Observed, killed: &[Killed]) -> Vec<String> {
    let along = killed.iter().filter(|killed| killed.role != Role::Chosen).map(|killed| killed.name.clone());
    let failed = observed.processes.iter().filter(|process| {
        let well = matches!(process.ended, None | Some(Ended::Status(0)));
        !well && !killed.iter().any(|killed| killed.pid == process.pid)
    });
    along.chain(failed.map(|process| process.name.clone())).collect()
}

/// When the last thread of the last victim exited, `CLOCK_BOOTTIME` ns; `None` if the exit of a victim was not seen.
fn recovered_at(reports: &[Report]) -> Option<u64> {
    let exits = reports.iter().flat_map(|report| {
        let exit = |victim: &report::Victim| Some(report.boot_ns + victim.aftermath.exit_ns?);
        report.victims.iter().map(exit)
    });
    exits.collect::<Option<Vec<u64>>>()?.into_iter().max()
}

fn recovery(observed: &Observed, reports: &[Report]) -> Option<u64> {
    let first = reports.iter().find(|report| !report.victims.is_empty())?;
    let level = observed.level(first);
    let mut counters = observed.counters(&level);
    let (_, begin) = counters.next()?;
    let seen = counters.find(|(_, now)| now.reclaims > begin.reclaims).map(|(when, _)| when);
    // Reclaim may have started at any time between two samples, but the kernel always tries it before a decision.
    let first_reclaim = seen.map_or(first.boot_ns, |seen| seen.min(first.boot_ns));
    recovered_at(reports)?.checked_sub(first_reclaim)
}

fn freed(reports: &[Report]) -> Option<u64> {
    let memories = reports.iter().flat_map(|report| &report.victims).map(|victim| victim.memory);
    // Pages of files belong to the page cache and stay.
    let held = |memory: report::Memory| {
        memory.anon_rss_bytes + memory.shmem_rss_bytes + memory.swap_bytes + memory.pgtables_bytes
    };
    let held: Vec<u64> = memories.map(|memory| memory.map(held)).collect::<Option<_>>()?;
    (!held.is_empty()).then(|| held.iter().sum())
}

/// The freed memory that stayed free: at most the difference between the usage before the kill and the last usage after it.
fn over_freed(observed: &Observed, reports: &[Report], freed: u64) -> Option<u64> {
    let first = reports.iter().find(|report| !report.victims.is_empty())?;
    let level = observed.level(first);
    let recovered = recovered_at(reports)?;
    let until = |at: u64| observed.counters(&level).filter(move |(when, _)| *when <= at);
    let before = until(first.boot_ns).map(|(_, counters)| counters.usage_bytes).max()?;
    let before = first.domain.usage_bytes.unwrap_or(before);
    let later = observed.counters(&level).filter(|(when, _)| *when > recovered);
    // The last sample counts, because memory is freed after the exit, and other processes need time to use it again.
    let after = later.last().map(|(_, counters)| counters.usage_bytes)?;
    Some(before.saturating_sub(after).min(freed))
}
