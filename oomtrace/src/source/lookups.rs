//! Reads facts for a frame while they are still true: the victim is already dying.

use std::{collections::VecDeque, os::fd::BorrowedFd};

use oomtrace_common::{
    event,
    frame::{FrameHeader, Kind},
};
use zerocopy::{FromBytes, FromZeros as _};

use super::{
    afterwards::{Killed, Looks},
    cgroup::{
        cgroup_paths::Lookup,
        cgroupfs::MemoryHierarchy,
        memory_stat::{self, FullLevel, MemoryStats},
        pressure::PressureGauge,
    },
    history::History,
    names::Names,
    process::{
        call_traces::{self, CallTraces, Stacks},
        functions::Functions,
        known::{Known, REMEMBERED},
        procfs::{self, MachineGauge},
        told::told,
    },
    shortage::ShortageLookups,
};
use crate::{
    bytes::ByteString,
    decode::candidates,
    frame::{context_frame, json_frame},
    kernel::{clock, cmdlines::Cmdlines, pid_namespace::has_machines_pids},
};

/// All reads from procfs and cgroupfs, and the reads that were already done.
pub(super) struct Lookups {
    memory_stats: MemoryStats,
    full_level: FullLevel,
    history: Option<History>,
    known: Known,
    /// Victims whose arguments are known or will arrive, and the pass.
    /// The rest of the read may have to wait for memory, so the frames in the ring buffer go first.
    soon: VecDeque<(event::Task, u64)>,
    sysctl_pass: Option<u64>,
    cgroups: Lookup,
    pressure: PressureGauge,
    machine: MachineGauge,
    call_traces: CallTraces,
    /// Stacks whose files in user space must be read while the trigger is alive.
    stacks: VecDeque<Stacks>,
    functions: Functions,
    shortage: ShortageLookups,
    /// Whether procfs has the pids that the kernel reports.
    has_machines_pids: bool,
    cmdlines: Cmdlines,
    waiting: VecDeque<Waiting>,
    names: Option<Names>,
    looks: Looks,
    /// The pass in progress.
    deciding: Option<u64>,
}

/// Facts that will not disappear soon. They are read after the kernel has decided.
/// A victim may be in the next frame, and on a single CPU the decision itself would have to wait.
enum Waiting {
    /// The settings.
    Sysctl { pass: u64 },
    /// The process that requested memory.
    Process { task: event::Task, pass: u64 },
    /// The names of calls in the trigger's stacks.
    Stacks(Stacks),
    /// `memory.stat` of the domain. It takes longest, because the kernel sums the counters of all CPUs for it.
    MemoryStat { memcg: u64, pass: u64 },
    /// The names in a table that is filled in advance.
    Names { pass: u64 },
    /// The path of the victim's cgroup, for a look at it later.
    Victim(Killed),
}

impl Lookups {
    /// Creates the reader without any facts.
    /// It reads this process once, so that the code and memory that a read needs are present. Otherwise the first victim
    /// would exit before that.
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
            functions: Functions::new(),
            shortage: ShortageLookups::open(),
            has_machines_pids: has_machines_pids(),
            cmdlines,
            waiting: VecDeque::with_capacity(REMEMBERED),
            names: None,
            looks: Looks::default(),
            deciding: None,
        }
    }

    /// Sets the source of the names that are added to incidents.
    pub(super) fn name(&mut self, names: Option<Names>) {
        self.names = names;
    }

    /// Sets the history from which the minutes before each decision are added.
    pub(super) fn remember(&mut self, history: Option<History>) {
        self.history = history;
    }

    /// Returns a descriptor that becomes readable when there is a forecast.
    pub(super) fn forecasts(&self) -> Option<BorrowedFd<'_>> {
        self.history.as_ref().and_then(History::descriptor)
    }

    /// Appends all new forecasts.
    pub(super) fn send_forecasts(&self, batch: &mut Vec<u8>) {
        if let Some(history) = &self.history {
            history.send_forecasts(batch);
        }
    }

    /// Returns a descriptor that becomes readable when functions in user space have been named.
    pub(super) fn functions(&self) -> Option<BorrowedFd<'_>> {
        self.functions.descriptor()
    }

    /// Appends all new names of functions in user space.
    pub(super) fn tell_functions(&mut self, batch: &mut Vec<u8>) {
        self.functions.tell(batch);
    }

    /// Reads facts that must come before a frame.
    /// The candidates' cgroups will not disappear soon. Their paths are read after the victims, just before the frame that
    /// completes the decision.
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
                self.send_names(header.pass, batch);
                self.send_history(batch);
            }
            // The known facts must come before the exit of a process. After a stall, its exit is already in the ring buffer.
            Some(Kind::Exit) => while self.look_up_sooner(batch) {},
            _ => {}
        }
    }

    /// Reads facts that a frame names and that will soon disappear.
    pub(super) fn after(&mut self, header: &FrameHeader, payload: &[u8], now: u64, batch: &mut Vec<u8>) {
        self.shortage.note(header, payload);
        if header.pass == 0 {
            self.full_level.note(header.kind, payload);
        }
        if let Some(kill) = user_kill(header.kind, payload) {
            return self.user_kill(&kill, now, batch);
        }
        if self.take_told(header.kind, payload, now, batch) {
            return;
        }
        if header.kind == Kind::MarkVictim.number() && header.pass == 0 {
            // If all processes involved are known, the next frame completes the decision, so the names must come before it.
            self.send_names(0, batch);
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
            let killed = Killed::of(task, header.pass, header.boot_ns);
            self.waiting.extend(killed.filter(|_| self.has_machines_pids).map(Waiting::Victim));
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

    /// Takes what the kernel side copied from a process. Returns false for another frame.
    fn take_told(&mut self, kind: u16, payload: &[u8], now: u64, batch: &mut Vec<u8>) -> bool {
        if let Some(sent) = arguments_told(kind, payload) {
            self.known.keep_arguments(&sent);
            return true;
        }
        let Some(found) = told(kind, payload, now) else { return false };
        if self.known.learn(&found) {
            batch.extend(context_frame(Kind::Process, now, 0, &found));
        }
        true
    }

    /// Returns the cgroup that ran out, if the frame shows it.
    fn domain(&mut self, header: &FrameHeader, payload: &[u8], now: u64) -> Option<u64> {
        let is_mark = header.kind == Kind::MarkVictim.number() && header.pass == 0;
        let full = if is_mark { self.full_level.take(now) } else { None };
        memory_stat::domain(header.kind, payload).or(full)
    }

    /// Reads the most urgent pending fact. Returns whether there was one. The surroundings of a shortage come last, because
    /// they stay.
    pub(super) fn look_up_one(&mut self, batch: &mut Vec<u8>) -> bool {
        self.look_up_sooner(batch) || (self.deciding.is_none() && self.shortage.look_around(batch))
    }

    /// Reads one pending fact and returns whether there was one.
    /// The rest of a victim comes first, then the files of a trigger. Facts that can wait are read only if no decision is in
    /// progress.
    fn look_up_sooner(&mut self, batch: &mut Vec<u8>) -> bool {
        if let Some((task, pass)) = self.soon.pop_front() {
            self.process(&task, pass, batch);
            return true;
        }
        if let Some(stacks) = self.stacks.pop_front() {
            if self.has_machines_pids {
                call_traces::files(&stacks, &mut self.functions, batch);
            }
            self.waiting.push_back(Waiting::Stacks(stacks));
            return true;
        }
        let next = if self.deciding.is_none() { self.waiting.pop_front() } else { None };
        if let Some(waiting) = &next {
            self.look_up(waiting, batch);
        }
        next.is_some()
            || (self.deciding.is_none() && (self.shortage.look_up_state(batch) || self.send_history(batch)))
    }

    /// Reads a victim now, or later if its arguments are known or will arrive.
    fn victim(&mut self, task: &event::Task, header: &FrameHeader, payload: &[u8], batch: &mut Vec<u8>) {
        if self.known.has_all_arguments_of(task) || asked_itself(header.kind, payload) {
            self.soon.push_back((*task, header.pass));
        } else {
            self.process(task, header.pass, batch);
        }
    }

    /// Records a frame's facts about a decision. A mark outside of all passes comes after its decision.
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
            self.send_history(batch);
        }
    }

    /// Appends the minutes before the last decision, once. Returns whether there were any.
    /// If the end of a decision was lost, this still sends its history.
    fn send_history(&mut self, batch: &mut Vec<u8>) -> bool {
        let Some(history) = &mut self.history else { return false };
        history.decided();
        history.send(batch)
    }

    /// Reads all pending facts: the decision has been made, or its end will not arrive any more.
    pub(super) fn finish(&mut self, batch: &mut Vec<u8>) {
        self.deciding = None;
        while self.look_up_one(batch) {}
    }

    /// The time at which a victim's cgroup is to be looked at, `CLOCK_BOOTTIME` ns.
    pub(super) fn next_look_ns(&self) -> Option<u64> {
        // No look is made while a decision is in progress. The frame that ends it wakes the thread.
        self.looks.next_ns().filter(|_| self.deciding.is_none())
    }

    /// Looks at one victim's cgroup whose time has come, unless a decision is in progress. The next look is due at once, but frames
    /// of the ring buffer go first.
    pub(super) fn send_look(&mut self, now: u64, batch: &mut Vec<u8>) {
        if self.deciding.is_some() {
            return;
        }
        if let Some((pass, found)) = self.looks.look(now, &self.cgroups) {
            batch.extend(context_frame(Kind::Afterwards, clock::boot_ns(), pass, &found));
        }
    }

    /// Whether a long read is in progress. If so, the known frames are passed on first.
    pub(super) fn is_reading(&self) -> bool {
        self.call_traces.is_reading()
    }

    /// Continues the long read.
    pub(super) fn read_on(&mut self, batch: &mut Vec<u8>) {
        self.call_traces.read_on(batch);
    }

    fn look_up(&mut self, waiting: &Waiting, batch: &mut Vec<u8>) {
        match *waiting {
            Waiting::Sysctl { pass } => self.sysctl(pass, batch),
            Waiting::Process { ref task, pass } => self.process(task, pass, batch),
            Waiting::Stacks(ref stacks) => self.call_traces.look_up(stacks, batch),
            Waiting::Names { pass } => self.send_names(pass, batch),
            Waiting::Victim(ref killed) => self.looks.expect(killed, &mut self.cgroups),
            Waiting::MemoryStat { memcg, pass } => {
                if let Some(stat) = self.memory_stats.of(memcg) {
                    batch.extend(context_frame(Kind::MemoryStat, clock::boot_ns(), pass, &stat));
                }
            }
        }
    }

    /// Stores a cgroup level that the kernel side sent.
    fn level(&mut self, pass: u64, level: event::Memcg) {
        if pass == 0 {
            self.pressure.keep_level(level);
        }
        if let Some(names) = &mut self.names {
            names.keep_level(level);
        }
    }

    fn send_names(&mut self, pass: u64, batch: &mut Vec<u8>) {
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
        self.send_names(0, batch);
    }

    /// Reads the settings, once per pass.
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
        self.known.note(process, pass, &found);
        // If the decision itself is not seen, it is reported when the last process is known, so the names come first.
        if let Some(names) = &mut self.names {
            names.want_user(task);
        }
        self.send_names(pass, batch);
        batch.extend(context_frame(Kind::Process, now, pass, &found));
    }

    /// Whether a process without a known start time is already waiting to be read in the same pass.
    fn is_soon(&self, (pid, start_boot_ns): (i32, u64), pass: u64) -> bool {
        let is_it = |(task, within): &(event::Task, u64)| task.pid == pid && *within == pass;
        start_boot_ns == 0 && pass != 0 && self.soon.iter().any(is_it)
    }
}

/// Returns the arguments of a process, if they may be read.
fn cmdline(cmdlines: Cmdlines, pid: i32) -> Option<Vec<ByteString>> {
    if cmdlines == Cmdlines::Never { None } else { procfs::cmdline(pid) }
}

/// Returns the task that requested an OOM kill with SysRq-f.
fn sysrq_requester(kind: u16, payload: &[u8]) -> Option<event::Task> {
    let request: event::SysrqOom = of(payload).filter(|_| kind == Kind::SysrqOom.number())?;
    Some(request.requester).filter(|task| task.present & event::Task::PID != 0)
}

/// Returns the arguments in a frame by the kernel side.
fn arguments_told(kind: u16, payload: &[u8]) -> Option<event::Arguments> {
    of(payload).filter(|_| kind == Kind::Arguments.number())
}

/// Whether the kernel sends SIGKILL to the process that was allocating. The kernel marks it next, and its arguments will
/// arrive.
fn asked_itself(kind: u16, payload: &[u8]) -> bool {
    let kill: Option<event::Sigkill> = of(payload).filter(|_| kind == Kind::Sigkill.number());
    kill.is_some_and(|kill| kill.origin == event::Sigkill::FROM_KERNEL && kill.sender_pid == kill.pid)
}

/// Returns the task that a frame names and that will soon exit.
fn dying(kind: u16, payload: &[u8]) -> Option<event::Task> {
    match Kind::from_number(kind) {
        Some(Kind::OomKillProcess) => of(payload).map(|event: event::OomKillProcess| event.chosen),
        Some(Kind::KillProcess) => of(payload).map(|event: event::KillProcess| event.victim),
        Some(Kind::MarkVictim) => of(payload).map(|event: event::MarkVictim| event.victim),
        Some(Kind::Sigkill) => of(payload).map(|event: event::Sigkill| target(&event)),
        _ => None,
    }
}

/// Returns the task that requested memory.
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

/// Returns a SIGKILL or SIGTERM that arrived from user space.
fn user_kill(kind: u16, payload: &[u8]) -> Option<event::Sigkill> {
    let is_signal = [Kind::Sigkill, Kind::Sigterm].map(Kind::number).contains(&kind);
    let kill: event::Sigkill = of(payload).filter(|_| is_signal)?;
    (kill.origin != event::Sigkill::FROM_KERNEL && kill.result == 0).then_some(kill)
}

/// Returns the trigger of a run of empty passes.
fn asker(passes: &event::EmptyPasses) -> event::Task {
    let mut task = event::Task::new_zeroed();
    task.present = event::Task::PID;
    task.pid = passes.pid;
    task.tid = passes.tid;
    task
}

/// Returns the target of a SIGKILL, with the fields that a read needs.
fn target(kill: &event::Sigkill) -> event::Task {
    let mut task = event::Task::new_zeroed();
    task.present = event::Task::PID | event::Task::LEADER;
    task.pid = kill.pid;
    task.tid = kill.tid;
    task.start_boot_ns = kill.start_boot_ns;
    task
}
