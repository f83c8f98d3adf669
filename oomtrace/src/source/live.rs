//! The running kernel as a source of frames: the ring buffer, and beside it what must be looked up while it is still
//! true.

use std::{collections::VecDeque, os::fd::BorrowedFd, time::Duration};

use aya::maps::{Array, HashMap, MapData, RingBuf};
use oomtrace_common::{
    event,
    frame::{FrameHeader, Kind},
    limits::EMPTY_PASSES_EVERY_NS,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zerocopy::{FromBytes, FromZeros as _};

use super::{
    Batch, Ended, Source, SourceError,
    cgroup_paths::Lookup,
    cgroupfs::MemoryHierarchy,
    clock,
    loss::Losses,
    memory_stat::{self, MemoryStats},
    pending::PendingRuns,
    pressure::PressureGauge,
    procfs,
};
use crate::{
    context::Tick,
    decode::candidates,
    frame::{context_frame, kernel_frame},
    kernel::load::Armed,
};

/// Processes looked up lately; one kill names the same one in several frames.
const REMEMBERED: usize = 16;

/// How long after the last empty pass the kernel's count is final, in ns.
const QUIET_NS: u64 = EMPTY_PASSES_EVERY_NS + EMPTY_PASSES_EVERY_NS / 10;

/// The kernel side, armed, with the descriptors that end the stream.
pub struct Live<'a> {
    ring: RingBuf<MapData>,
    losses: Losses,
    pending: PendingRuns,
    memory_stats: MemoryStats,
    seen: VecDeque<(i32, u64)>,
    sysctl_pass: Option<u64>,
    cgroups: Lookup,
    batch: Vec<u8>,
    quiet_at: Option<u64>,
    pressure: PressureGauge,
    signals: BorrowedFd<'a>,
    output: Option<BorrowedFd<'a>>,
    /// Programs and links; dropped last, when nothing reads the ring any more.
    _armed: Armed,
}

impl<'a> Live<'a> {
    /// Takes over what was armed. `signals` becomes readable when the stream shall end; `output`, where given, hangs up
    /// when nobody reads any more.
    ///
    /// # Errors
    ///
    /// If the object lacks a map.
    pub fn new(
        mut armed: Armed,
        session: Vec<u8>,
        signals: BorrowedFd<'a>,
        output: Option<BorrowedFd<'a>>,
    ) -> Result<Self, SourceError> {
        let mut take = |name| armed.ebpf.take_map(name).ok_or(SourceError::NoMap(name));
        let (ring, lost, empty) = (take("RING")?, take("LOST")?, take("EMPTY")?);
        let unusable = |name| move |error| SourceError::Map(name, Box::new(error));
        Ok(Self {
            ring: RingBuf::try_from(ring).map_err(unusable("RING"))?,
            losses: Losses::new(Array::try_from(lost).map_err(unusable("LOST"))?),
            pending: PendingRuns::new(HashMap::try_from(empty).map_err(unusable("EMPTY"))?),
            memory_stats: MemoryStats::new(MemoryHierarchy::find().as_ref()),
            seen: VecDeque::with_capacity(REMEMBERED),
            sysctl_pass: None,
            cgroups: Lookup::new(),
            batch: session,
            quiet_at: None,
            pressure: PressureGauge::new(),
            signals,
            output,
            _armed: armed,
        })
    }

    /// Moves everything from the ring to the batch, looking up each process as soon as it is named: the victim is dying
    /// already.
    fn drain(&mut self) {
        let Self { ring, batch, seen, sysctl_pass, cgroups, quiet_at, memory_stats, pressure, .. } = self;
        while let Some(item) = ring.next() {
            #[cfg(feature = "faults")]
            if crate::faults::drops(&item) {
                continue;
            }
            let Ok((header, payload)) = FrameHeader::read_from_prefix(&item) else { continue };
            tell_cgroups(&header, payload, cgroups, batch);
            batch.extend_from_slice(&item);
            let now = clock::boot_ns();
            if header.kind == Kind::EmptyPasses.number() {
                *quiet_at = Some(now + QUIET_NS);
            }
            if header.kind == Kind::MarkVictim.number() && header.pass == 0 {
                batch.extend(context_frame(Kind::Machine, now, 0, &procfs::machine()));
            }
            if let Some(kill) = user_kill(header.kind, payload) {
                for task in [target(&kill), kill.sender] {
                    look_up(&task, 0, seen, batch);
                }
                let short = pressure.read(kill.memcg, now);
                batch.extend(
                    short.map(|short| context_frame(Kind::Pressure, now, 0, &short)).unwrap_or_default(),
                );
                continue;
            }
            if header.kind == Kind::Memcg.number()
                && header.pass == 0
                && let Ok((level, _)) = event::Memcg::read_from_prefix(payload)
            {
                pressure.keep_level(level);
            }
            for task in tasks(header.kind, payload).into_iter().flatten() {
                if *sysctl_pass != Some(header.pass) || header.pass == 0 {
                    *sysctl_pass = Some(header.pass);
                    batch.extend(context_frame(Kind::Sysctl, now, header.pass, &procfs::sysctl()));
                }
                look_up(&task, header.pass, seen, batch);
            }
            let domain = memory_stat::domain(header.kind, payload);
            if let Some(stat) = domain.and_then(|memcg| memory_stats.of(memcg)) {
                batch.extend(context_frame(Kind::MemoryStat, clock::boot_ns(), header.pass, &stat));
            }
        }
        if let Some(lost) = self.losses.grown() {
            self.batch.extend(context_frame(Kind::Loss, clock::boot_ns(), 0, &lost));
        }
    }

    /// The last count of a run of empty passes, when the run has been quiet for long enough.
    fn settle(&mut self, now: u64) {
        if self.quiet_at.is_some_and(|at| at <= now) {
            self.quiet_at = None;
            for run in self.pending.untold(now) {
                self.batch.extend(kernel_frame(now, run.last_ns, &run));
            }
        }
    }

    /// Sleeps until there are frames, the deadline (boot ns) has passed, or the stream shall end.
    fn wait(&self, deadline: Option<u64>) -> Result<Option<Ended>, SourceError> {
        let deadline = [deadline, self.quiet_at].into_iter().flatten().min();
        let timeout = deadline.map(|at| duration(at.saturating_sub(clock::boot_ns())));
        let mut fds = vec![
            PollFd::new(&self.ring, PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals, PollFlags::IN),
        ];
        // No flag asked for: a hang-up and an error are told anyway.
        fds.extend(self.output.map(|output| PollFd::from_borrowed_fd(output, PollFlags::empty())));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(SourceError::Poll(error.into())),
        }
        let woken = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
        Ok(match (woken(1), woken(2)) {
            (true, _) => Some(Ended::Signal),
            (false, true) => Some(Ended::NoReader),
            (false, false) => None,
        })
    }
}

impl Source for Live<'_> {
    fn next(&mut self, deadline: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
        batch.clear();
        // The session, on the first call.
        if !self.batch.is_empty() {
            std::mem::swap(batch, &mut self.batch);
            return Ok(Batch::Frames);
        }
        let ended = self.wait(deadline)?;
        self.drain();
        let now = clock::boot_ns();
        if ended.is_some() {
            self.quiet_at = self.quiet_at.map(|_| now);
        }
        self.settle(now);
        if self.batch.is_empty() && deadline.is_some_and(|at| at <= now) {
            self.batch.extend(context_frame(Kind::Tick, now, 0, &Tick {}));
        }
        std::mem::swap(batch, &mut self.batch);
        Ok(ended.map_or(Batch::Frames, Batch::Last))
    }
}

/// Candidates' cgroups are not about to go: they are looked up when the victims were, just before the frame that has the
/// decision told.
fn tell_cgroups(header: &FrameHeader, payload: &[u8], cgroups: &mut Lookup, batch: &mut Vec<u8>) {
    match Kind::from_number(header.kind) {
        Some(Kind::Candidate) => candidates(payload).rows.iter().for_each(|row| cgroups.want(row.memcg)),
        Some(Kind::OutOfMemoryReturn | Kind::EmptyPasses) => {
            for paths in cgroups.look_up() {
                batch.extend(context_frame(Kind::CgroupPaths, clock::boot_ns(), header.pass, &paths));
            }
        }
        _ => {}
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

fn look_up(task: &event::Task, pass: u64, seen: &mut VecDeque<(i32, u64)>, batch: &mut Vec<u8>) {
    // On kernels whose tracepoint has no task, a thread's number leads to its process in procfs as well.
    let pid = if task.present & event::Task::PID == 0 { task.tid } else { task.pid };
    if pid <= 0 || seen.contains(&(pid, task.start_boot_ns)) {
        return;
    }
    if seen.len() == REMEMBERED {
        seen.pop_front();
    }
    seen.push_back((pid, task.start_boot_ns));
    let start = (task.present & event::Task::LEADER != 0).then_some(task.start_boot_ns);
    let now = clock::boot_ns();
    batch.extend(context_frame(Kind::Process, now, pass, &procfs::process(pid, task.tid, start, now)));
}

fn duration(ns: u64) -> Timespec {
    // One more millisecond: waking just before the deadline would only mean to sleep again.
    Timespec::try_from(Duration::from_nanos(ns) + Duration::from_millis(1))
        .unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}
