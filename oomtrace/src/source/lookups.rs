//! What is looked up beside a frame while it is still true: the victim is dying already.

use std::collections::VecDeque;

use oomtrace_common::{
    event,
    frame::{FrameHeader, Kind},
};
use zerocopy::{FromBytes, FromZeros as _};

use super::{
    cgroup_paths::Lookup,
    cgroupfs::MemoryHierarchy,
    clock,
    memory_stat::{self, MemoryStats},
    pressure::PressureGauge,
    procfs,
};
use crate::{decode::candidates, frame::context_frame};

/// Processes looked up lately; one kill names the same one in several frames.
const REMEMBERED: usize = 16;

/// Everything that is asked of procfs and cgroupfs, and what was asked already.
pub(super) struct Lookups {
    memory_stats: MemoryStats,
    seen: VecDeque<(i32, u64)>,
    sysctl_pass: Option<u64>,
    cgroups: Lookup,
    pressure: PressureGauge,
}

impl Lookups {
    /// Nothing asked yet.
    pub(super) fn new() -> Self {
        Self {
            memory_stats: MemoryStats::new(MemoryHierarchy::find().as_ref()),
            seen: VecDeque::with_capacity(REMEMBERED),
            sysctl_pass: None,
            cgroups: Lookup::new(),
            pressure: PressureGauge::new(),
        }
    }

    /// Candidates' cgroups are not about to go: they are looked up when the victims were, just before the frame that has
    /// the decision told.
    pub(super) fn before(&mut self, header: &FrameHeader, payload: &[u8], batch: &mut Vec<u8>) {
        match Kind::from_number(header.kind) {
            Some(Kind::Candidate) => {
                candidates(payload).rows.iter().for_each(|row| self.cgroups.want(row.memcg));
            }
            Some(Kind::OutOfMemoryReturn | Kind::EmptyPasses) => {
                for paths in self.cgroups.look_up() {
                    batch.extend(context_frame(Kind::CgroupPaths, clock::boot_ns(), header.pass, &paths));
                }
            }
            _ => {}
        }
    }

    /// What a frame names and will soon be gone.
    pub(super) fn after(&mut self, header: &FrameHeader, payload: &[u8], now: u64, batch: &mut Vec<u8>) {
        if let Some(kill) = user_kill(header.kind, payload) {
            return self.user_kill(&kill, now, batch);
        }
        if header.kind == Kind::MarkVictim.number() && header.pass == 0 {
            batch.extend(context_frame(Kind::Machine, now, 0, &procfs::machine()));
        }
        if header.kind == Kind::Memcg.number()
            && header.pass == 0
            && let Ok((level, _)) = event::Memcg::read_from_prefix(payload)
        {
            self.pressure.keep_level(level);
        }
        for task in tasks(header.kind, payload).into_iter().flatten() {
            self.sysctl(header.pass, now, batch);
            self.process(&task, header.pass, batch);
        }
        let domain = memory_stat::domain(header.kind, payload);
        if let Some(stat) = domain.and_then(|memcg| self.memory_stats.of(memcg)) {
            batch.extend(context_frame(Kind::MemoryStat, clock::boot_ns(), header.pass, &stat));
        }
    }

    fn user_kill(&mut self, kill: &event::Sigkill, now: u64, batch: &mut Vec<u8>) {
        for task in [target(kill), kill.sender] {
            self.process(&task, 0, batch);
        }
        if let Some(short) = self.pressure.read(kill.memcg, now) {
            batch.extend(context_frame(Kind::Pressure, now, 0, &short));
        }
    }

    /// The settings, once a pass.
    fn sysctl(&mut self, pass: u64, now: u64, batch: &mut Vec<u8>) {
        if self.sysctl_pass != Some(pass) || pass == 0 {
            self.sysctl_pass = Some(pass);
            batch.extend(context_frame(Kind::Sysctl, now, pass, &procfs::sysctl()));
        }
    }

    fn process(&mut self, task: &event::Task, pass: u64, batch: &mut Vec<u8>) {
        // On kernels whose tracepoint has no task, a thread's number leads to its process in procfs as well.
        let pid = if task.present & event::Task::PID == 0 { task.tid } else { task.pid };
        if pid <= 0 || self.seen.contains(&(pid, task.start_boot_ns)) {
            return;
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back((pid, task.start_boot_ns));
        let start = (task.present & event::Task::LEADER != 0).then_some(task.start_boot_ns);
        let now = clock::boot_ns();
        let found = procfs::process(pid, task.tid, start, now);
        batch.extend(context_frame(Kind::Process, now, pass, &found));
    }
}

/// The tasks that a frame names and that may be about to go.
fn tasks(kind: u16, payload: &[u8]) -> [Option<event::Task>; 2] {
    fn of<T: FromBytes>(payload: &[u8]) -> Option<T> {
        T::read_from_prefix(payload).ok().map(|(event, _)| event)
    }
    match Kind::from_number(kind) {
        Some(Kind::OutOfMemory) => [of(payload).map(|event: event::OutOfMemory| event.trigger), None],
        Some(Kind::OomKillProcess) => [of(payload).map(|event: event::OomKillProcess| event.chosen), None],
        Some(Kind::KillProcess) => [of(payload).map(|event: event::KillProcess| event.victim), None],
        Some(Kind::MarkVictim) => {
            let marked: Option<event::MarkVictim> = of(payload);
            [marked.map(|event| event.victim), marked.map(|event| event.trigger)]
        }
        Some(Kind::EmptyPasses) => [of(payload).map(|event: event::EmptyPasses| asker(&event)), None],
        Some(Kind::Sigkill) => [of(payload).map(|event: event::Sigkill| target(&event)), None],
        _ => [None, None],
    }
}

/// A SIGKILL that arrived from user space.
fn user_kill(kind: u16, payload: &[u8]) -> Option<event::Sigkill> {
    let (kill, _) =
        event::Sigkill::read_from_prefix(payload).ok().filter(|_| kind == Kind::Sigkill.number())?;
    (kill.origin != event::Sigkill::FROM_KERNEL && kill.result == 0).then_some(kill)
}

/// The trigger of a run of empty passes, likewise.
fn asker(passes: &event::EmptyPasses) -> event::Task {
    let mut task = event::Task::new_zeroed();
    task.present = event::Task::PID;
    task.pid = passes.pid;
    task.tid = passes.tid;
    task
}

/// The target of a SIGKILL, as far as a look-up needs it.
fn target(kill: &event::Sigkill) -> event::Task {
    let mut task = event::Task::new_zeroed();
    task.present = event::Task::PID | event::Task::LEADER;
    task.pid = kill.pid;
    task.tid = kill.tid;
    task.start_boot_ns = kill.start_boot_ns;
    task
}
