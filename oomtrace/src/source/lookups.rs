//! What is looked up beside a frame while it is still true: the victim is dying already.

use std::{collections::VecDeque, os::fd::BorrowedFd};

use oomtrace_common::{
    event,
    frame::{FrameHeader, Kind},
};
use zerocopy::{FromBytes, FromZeros as _};

use super::{
    call_traces::{self, CallTraces, Stacks},
    cgroup_paths::Lookup,
    cgroupfs::MemoryHierarchy,
    history::History,
    known::{Known, REMEMBERED},
    memory_stat::{self, FullLevel, MemoryStats},
    names::Names,
    pressure::PressureGauge,
    procfs::{self, MachineGauge},
    shortage::ShortageLookups,
};
use crate::{
    bytes::ByteString,
    decode::candidates,
    frame::{context_frame, json_frame},
    kernel::{clock, cmdlines::Cmdlines, pid_namespace::has_machines_pids},
};

/// Everything that is asked of procfs and cgroupfs, and what was asked already.
pub(super) struct Lookups {
    memory_stats: MemoryStats,
    full_level: FullLevel,
    history: Option<History>,
    known: Known,
    /// Victims whose arguments are known or on their way, and the pass: the rest of the look may have to wait for memory, and what is in
    /// the ring goes first.
    soon: VecDeque<(event::Task, u64)>,
    sysctl_pass: Option<u64>,
    cgroups: Lookup,
    pressure: PressureGauge,
    machine: MachineGauge,
    call_traces: CallTraces,
    /// Stacks whose files in user space are to be looked up while the trigger lives.
    stacks: VecDeque<Stacks>,
    shortage: ShortageLookups,
    /// Whether processes can be looked up by the ids that the kernel tells.
    has_machines_pids: bool,
    cmdlines: Cmdlines,
    waiting: VecDeque<Waiting>,
    names: Option<Names>,
    /// The pass that is under way.
    deciding: Option<u64>,
}

/// What is not about to go, and is looked up once the kernel has decided: a victim may be in the next frame, and where there
/// is one processor the decision itself would have to wait.
enum Waiting {
    /// The settings.
    Sysctl { pass: u64 },
    /// Whoever asked for memory.
    Process { task: event::Task, pass: u64 },
    /// The names of calls in the trigger's stacks.
    Stacks(Stacks),
    /// The figures of what ran out: the kernel adds up those of all processors for it, which takes longest.
    MemoryStat { memcg: u64, pass: u64 },
    /// Names from a table that is filled ahead of time.
    Names { pass: u64 },
}

impl Lookups {
    /// Nothing asked yet. One look at this process itself brings in whatever code and memory a look takes: the first
    /// victim would be gone before it is there.
    pub(super) fn new(cmdlines: Cmdlines) -> Self {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        drop((cmdline(cmdlines, own), procfs::exe(own), procfs::sysctl()));
        Self {
            memory_stats: MemoryStats::new(MemoryHierarchy::find().as_ref()),
            full_level: FullLevel::default(),
            history: None,
            known: Known::new(),
            soon: VecDeque::with_capacity(REMEMBERED),
            sysctl_pass: None,
            cgroups: Lookup::new(),
            pressure: PressureGauge::new(),
            machine: MachineGauge::open(),
            call_traces: CallTraces::new(),
            stacks: VecDeque::new(),
            shortage: ShortageLookups::open(),
            has_machines_pids: has_machines_pids(),
            cmdlines,
            waiting: VecDeque::with_capacity(REMEMBERED),
            names: None,
            deciding: None,
        }
    }

    /// Names what incidents have to do with.
    pub(super) fn name(&mut self, names: Option<Names>) {
        self.names = names;
    }

    /// Tells the minutes before each decision.
    pub(super) fn remember(&mut self, history: Option<History>) {
        self.history = history;
    }

    /// Becomes readable when there is a forecast.
    pub(super) fn forecasts(&self) -> Option<BorrowedFd<'_>> {
        self.history.as_ref().and_then(History::descriptor)
    }

    /// Appends all forecasts that are new.
    pub(super) fn tell_forecasts(&self, batch: &mut Vec<u8>) {
        if let Some(history) = &self.history {
            history.tell_forecasts(batch);
        }
    }

    /// Candidates' cgroups are not about to go: they are looked up when the victims were, just before the frame that has
    /// the decision told.
    pub(super) fn before(&mut self, header: &FrameHeader, payload: &[u8], batch: &mut Vec<u8>) {
        match Kind::from_number(header.kind) {
            Some(Kind::Candidate) => {
                candidates(payload).rows.iter().for_each(|row| self.cgroups.want(row.memcg));
            }
            Some(Kind::OutOfMemory) => self.deciding = Some(header.pass),
            Some(Kind::OutOfMemoryReturn | Kind::EmptyPasses) => {
                self.deciding = None;
                while self.look_up_sooner(batch) {}
                for paths in self.cgroups.look_up() {
                    if let Some(names) = &mut self.names {
                        paths.paths.values().for_each(|path| names.want_path(path));
                    }
                    batch.extend(context_frame(Kind::CgroupPaths, clock::boot_ns(), header.pass, &paths));
                }
                self.tell_names(header.pass, batch);
                self.tell_history(batch);
            }
            // Once it is over, what is known of it comes first: after a stall its end is in the ring already.
            Some(Kind::Exit) => while self.look_up_sooner(batch) {},
            _ => {}
        }
    }

    /// What a frame names and will soon be gone.
    pub(super) fn after(&mut self, header: &FrameHeader, payload: &[u8], now: u64, batch: &mut Vec<u8>) {
        self.shortage.note(header, payload);
        if header.pass == 0 {
            self.full_level.note(header.kind, payload);
        }
        if let Some(kill) = user_kill(header.kind, payload) {
            return self.user_kill(&kill, now, batch);
        }
        if let Some(told) = arguments_told(header.kind, payload) {
            return self.known.keep_arguments(&told);
        }
        if header.kind == Kind::MarkVictim.number() && header.pass == 0 {
            // If all processes involved are known, the next frame completes the decision: names must come before it.
            self.tell_names(0, batch);
            batch.extend(context_frame(Kind::Machine, now, 0, &self.machine.read()));
        }
        if header.kind == Kind::Memcg.number()
            && let Some(level) = of(payload)
        {
            self.level(header.pass, level);
        }
        if let Some(requester) = sysrq_requester(header.kind, payload) {
            return self.process(&requester, 0, batch);
        }
        let dying = dying(header.kind, payload);
        if let Some(task) = &dying {
            self.victim(task, header, payload, batch);
        }
        let pass = header.pass;
        let asking = asking(header.kind, payload);
        if dying.is_some() || asking.is_some() {
            self.waiting.push_back(Waiting::Sysctl { pass });
            self.waiting.extend(self.names.is_some().then_some(Waiting::Names { pass }));
        }
        self.waiting.extend(asking.map(|task| Waiting::Process { task, pass }));
        self.stacks.extend(Stacks::of(header, payload));
        let domain = self.domain(header, payload, now);
        self.note_history(header, payload, domain, batch);
        self.waiting.extend(domain.map(|memcg| Waiting::MemoryStat { memcg, pass }));
    }

    /// The cgroup that ran out, as far as a frame tells.
    fn domain(&mut self, header: &FrameHeader, payload: &[u8], now: u64) -> Option<u64> {
        let is_mark = header.kind == Kind::MarkVictim.number() && header.pass == 0;
        let full = if is_mark { self.full_level.take(now) } else { None };
        memory_stat::domain(header.kind, payload).or(full)
    }

    /// Looks up one thing, that which goes first; whether there was anything. The surroundings of a shortage come last: they stay.
    pub(super) fn look_up_one(&mut self, batch: &mut Vec<u8>) -> bool {
        self.look_up_sooner(batch) || (self.deciding.is_none() && self.shortage.look_around(batch))
    }

    /// Looks up the rest of a victim, else the files of a trigger, else one of the things that can wait, unless a decision is
    /// under way; whether there was anything.
    fn look_up_sooner(&mut self, batch: &mut Vec<u8>) -> bool {
        if let Some((task, pass)) = self.soon.pop_front() {
            self.process(&task, pass, batch);
            return true;
        }
        if let Some(stacks) = self.stacks.pop_front() {
            if self.has_machines_pids {
                call_traces::files(&stacks, batch);
            }
            self.waiting.push_back(Waiting::Stacks(stacks));
            return true;
        }
        let next = if self.deciding.is_none() { self.waiting.pop_front() } else { None };
        if let Some(waiting) = &next {
            self.look_up(waiting, batch);
        }
        next.is_some()
            || (self.deciding.is_none() && (self.shortage.look_up_state(batch) || self.tell_history(batch)))
    }

    /// Looks a victim up, or later if its arguments are known or on their way.
    fn victim(&mut self, task: &event::Task, header: &FrameHeader, payload: &[u8], batch: &mut Vec<u8>) {
        if self.known.has_all_arguments_of(task) || asked_itself(header.kind, payload) {
            self.soon.push_back((*task, header.pass));
        } else {
            self.process(task, header.pass, batch);
        }
    }

    /// Takes note of what a frame says of a decision. A mark outside of all passes comes after its decision.
    fn note_history(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        domain: Option<u64>,
        batch: &mut Vec<u8>,
    ) {
        if let Some(history) = &mut self.history {
            history.note(header, payload, domain);
        }
        if header.pass == 0 && self.deciding.is_none() {
            self.tell_history(batch);
        }
    }

    /// Tells the minutes before the last decision, unless that was done; whether there was anything. The end of a decision that was
    /// lost does not hold it back.
    fn tell_history(&mut self, batch: &mut Vec<u8>) -> bool {
        let Some(history) = &mut self.history else { return false };
        history.decided();
        history.tell(batch)
    }

    /// Looks up everything that has waited: the decision has been taken, or its end will not come any more.
    pub(super) fn finish(&mut self, batch: &mut Vec<u8>) {
        self.deciding = None;
        while self.look_up_one(batch) {}
    }

    /// Whether something is being looked up that takes so long that what is known is passed on first.
    pub(super) fn is_reading(&self) -> bool {
        self.call_traces.is_reading()
    }

    /// Reads on.
    pub(super) fn read_on(&mut self, batch: &mut Vec<u8>) {
        self.call_traces.read_on(batch);
    }

    fn look_up(&mut self, waiting: &Waiting, batch: &mut Vec<u8>) {
        match *waiting {
            Waiting::Sysctl { pass } => self.sysctl(pass, batch),
            Waiting::Process { ref task, pass } => self.process(task, pass, batch),
            Waiting::Stacks(ref stacks) => self.call_traces.look_up(stacks, batch),
            Waiting::Names { pass } => self.tell_names(pass, batch),
            Waiting::MemoryStat { memcg, pass } => {
                if let Some(stat) = self.memory_stats.of(memcg) {
                    batch.extend(context_frame(Kind::MemoryStat, clock::boot_ns(), pass, &stat));
                }
            }
        }
    }

    /// A level of a cgroup that the kernel side sent.
    fn level(&mut self, pass: u64, level: event::Memcg) {
        if pass == 0 {
            self.pressure.keep_level(level);
        }
        if let Some(names) = &mut self.names {
            names.keep_level(level);
        }
    }

    fn tell_names(&mut self, pass: u64, batch: &mut Vec<u8>) {
        if let Some(json) = self.names.as_mut().and_then(Names::untold) {
            batch.extend(json_frame(Kind::Names, clock::boot_ns(), pass, &json));
        }
    }

    fn user_kill(&mut self, kill: &event::Sigkill, now: u64, batch: &mut Vec<u8>) {
        for task in [target(kill), kill.sender] {
            self.process(&task, 0, batch);
        }
        if let Some(short) = self.pressure.read(kill.memcg, now) {
            batch.extend(context_frame(Kind::Pressure, now, 0, &short));
        }
        self.tell_names(0, batch);
    }

    /// The settings, once a pass.
    fn sysctl(&mut self, pass: u64, batch: &mut Vec<u8>) {
        if self.sysctl_pass != Some(pass) || pass == 0 {
            self.sysctl_pass = Some(pass);
            batch.extend(context_frame(Kind::Sysctl, clock::boot_ns(), pass, &procfs::sysctl()));
        }
    }

    fn process(&mut self, task: &event::Task, pass: u64, batch: &mut Vec<u8>) {
        // On kernels whose tracepoint has no task, a thread's number leads to its process in procfs as well.
        let pid = if task.present & event::Task::PID == 0 { task.tid } else { task.pid };
        let process = (pid, task.start_boot_ns);
        if pid <= 0 || self.known.has_seen(process, pass) || self.is_soon(process, pass) {
            return;
        }
        let start = (task.present & event::Task::LEADER != 0).then_some(task.start_boot_ns);
        let now = clock::boot_ns();
        let mut found = procfs::unknown(pid, task.tid, start, now);
        if self.has_machines_pids {
            let has_all = self.known.has_all_arguments_of(task);
            found.cmdline = if has_all { None } else { cmdline(self.cmdlines, pid) };
            found.exe = procfs::exe(pid);
        }
        let sent = self.known.arguments_of(task).filter(|_| found.cmdline.is_none());
        found.cmdline = found.cmdline.or_else(|| Some(sent?.words().to_vec()));
        self.known.note(process, pass, found.cmdline.is_some());
        // Where the decision itself is not seen, it is told when the last process is known: its names come first.
        if let Some(names) = &mut self.names {
            names.want_user(task);
        }
        self.tell_names(pass, batch);
        batch.extend(context_frame(Kind::Process, now, pass, &found));
    }

    /// Whether a process of which it is not known when it began is one that is to be looked up in the same pass.
    fn is_soon(&self, (pid, start_boot_ns): (i32, u64), pass: u64) -> bool {
        let is_it = |(task, within): &(event::Task, u64)| task.pid == pid && *within == pass;
        start_boot_ns == 0 && pass != 0 && self.soon.iter().any(is_it)
    }
}

/// The arguments of a process, where they may be read.
fn cmdline(cmdlines: Cmdlines, pid: i32) -> Option<Vec<ByteString>> {
    if cmdlines == Cmdlines::Never { None } else { procfs::cmdline(pid) }
}

/// Who requested an OOM kill with SysRq-f.
fn sysrq_requester(kind: u16, payload: &[u8]) -> Option<event::Task> {
    let request: event::SysrqOom = of(payload).filter(|_| kind == Kind::SysrqOom.number())?;
    Some(request.requester).filter(|task| task.present & event::Task::PID != 0)
}

/// What the kernel side tells of the arguments of a task that is about to go.
fn arguments_told(kind: u16, payload: &[u8]) -> Option<event::Arguments> {
    of(payload).filter(|_| kind == Kind::Arguments.number())
}

/// Whether the kernel sends SIGKILL to whom it interrupted for memory: then it marks it next, and its arguments are on their way.
fn asked_itself(kind: u16, payload: &[u8]) -> bool {
    let kill: Option<event::Sigkill> = of(payload).filter(|_| kind == Kind::Sigkill.number());
    kill.is_some_and(|kill| kill.origin == event::Sigkill::FROM_KERNEL && kill.sender_pid == kill.pid)
}

/// The task that a frame names and that is about to go.
fn dying(kind: u16, payload: &[u8]) -> Option<event::Task> {
    match Kind::from_number(kind) {
        Some(Kind::OomKillProcess) => of(payload).map(|event: event::OomKillProcess| event.chosen),
        Some(Kind::KillProcess) => of(payload).map(|event: event::KillProcess| event.victim),
        Some(Kind::MarkVictim) => of(payload).map(|event: event::MarkVictim| event.victim),
        Some(Kind::Sigkill) => of(payload).map(|event: event::Sigkill| target(&event)),
        _ => None,
    }
}

/// The task that asked for memory.
fn asking(kind: u16, payload: &[u8]) -> Option<event::Task> {
    match Kind::from_number(kind) {
        Some(Kind::OutOfMemory) => of(payload).map(|event: event::OutOfMemory| event.trigger),
        Some(Kind::MarkVictim) => of(payload).map(|event: event::MarkVictim| event.trigger),
        Some(Kind::EmptyPasses) => of(payload).map(|event: event::EmptyPasses| asker(&event)),
        _ => None,
    }
}

fn of<T: FromBytes>(payload: &[u8]) -> Option<T> {
    T::read_from_prefix(payload).ok().map(|(event, _)| event)
}

/// A SIGKILL or SIGTERM that arrived from user space.
fn user_kill(kind: u16, payload: &[u8]) -> Option<event::Sigkill> {
    let is_signal = [Kind::Sigkill, Kind::Sigterm].map(Kind::number).contains(&kind);
    let kill: event::Sigkill = of(payload).filter(|_| is_signal)?;
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
