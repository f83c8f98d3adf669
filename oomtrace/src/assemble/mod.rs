//! Assembles events into incidents, by event time alone: this module reads no clock and does not know whether the stream is
//! live.

mod aftermath;
mod alone;
mod ballot;
mod call_trace;
mod chains;
mod closing;
mod empty;
mod escalation;
mod kill;
mod lead_up;
mod memory;
mod memory_state;
mod pid_namespace;
mod prekill;
mod repeats;
mod userspace;

use std::{collections::VecDeque, rc::Rc};

use oomtrace_common::event::Sigkill;

pub use self::closing::{
    COUNT_NS, EMPTY_AGE_MAX_NS, EMPTY_TIMEOUT_NS, GROUP_WINDOW_NS, KILL_TIMEOUT_NS, LOOK_UP_NS,
    PASS_TIMEOUT_NS, PID_NAMESPACE_NS,
};
use self::{chains::Chains, escalation::Escalated, memory::Memory, memory_state::Shortage};
use crate::{
    context::{Clock, Loss, Machine, Prekill, Pressure, Process, Session, Sysctl},
    event::{Event, Stamped},
    incident::{ClosedBy, Incident, SysrqRequest, Task, is_of},
};

/// A change in the state of an incident.
#[derive(Clone, Debug)]
pub enum Step {
    /// The decision is known, but its aftermath is not.
    Decided(Box<Incident>),
    /// The incident is over.
    Closed(Box<Incident>),
}

/// Whether an event's timestamp shows how far the kernel's events have come.
/// Facts that user space reads carry the time of the reading. After a stall this is long after frames that still wait in the
/// ring buffer.
const fn moves_time(event: &Event) -> bool {
    match event {
        Event::Session(_)
        | Event::Process(_)
        | Event::Sysctl(_)
        | Event::Machine(_)
        | Event::Loss(_)
        | Event::RecorderLoss(_)
        | Event::Clock(_)
        | Event::MemoryStat(_)
        | Event::CgroupPaths(_)
        | Event::Pressure(_)
        | Event::Names(_)
        | Event::LeadUp(_)
        | Event::Prekill(_)
        | Event::Forecast(_)
        | Event::Afterwards(_) => false,
        Event::Shortage(shortage) => shortage.is_of_kernel(),
        Event::OutOfMemory(_)
        | Event::OutOfMemoryReturn(_)
        | Event::OomKillProcess(_)
        | Event::KillProcess(_)
        | Event::OomGroup(_)
        | Event::MarkVictim(_)
        | Event::Memcg(_)
        | Event::EmptyPasses(_)
        | Event::Sigkill(_)
        | Event::Sigterm(_)
        | Event::UserKills(_)
        | Event::Exit(_)
        | Event::Reap(_)
        | Event::Arguments(_)
        | Event::Executable(_)
        | Event::SysrqOom(_)
        | Event::Candidates(_)
        | Event::Tick(_) => true,
    }
}

/// Assembles events into incidents.
#[derive(Debug)]
pub struct Assembler {
    /// Decides whether user space sent a kill because of memory. Other kills are not reported.
    is_kill_for_memory: fn(&Incident) -> bool,
    /// The session as it was reported.
    begun: Option<Rc<Session>>,
    /// The same session with the current clocks.
    session: Option<Rc<Session>>,
    /// Hooks that the session lacks. Computed once, because every event needs them.
    blind_to_exits: bool,
    blind_to_signals: bool,
    sysctl: Option<Sysctl>,
    lost: u64,
    /// Number of frames missing in the recording.
    unrecorded: u64,
    now_ns: u64,
    /// The latest known pass. Only this pass can be in progress.
    newest_pass: u64,
    open: Vec<Incident>,
    /// SIGKILLs from user space, by sender.
    bursts: Vec<Incident>,
    /// Finished incidents that still wait for signals from user space.
    awaited: VecDeque<Incident>,
    /// OOM kills without a frame: the total so far, and those not yet added to an incident.
    unreported_kills: u64,
    untold_kills: u64,
    /// The latest reading of memory pressure, and its time.
    pressure: Option<(u64, Pressure)>,
    /// SIGKILLs that belong to earlier SIGTERMs.
    escalated: Escalated,
    /// Announced kills that no kill has followed yet, the oldest first.
    prekills: VecDeque<Rc<Prekill>>,
    /// Total number of SIGKILLs from user space that the kernel side did not report.
    user_kills_left_out: u64,
    memory: Memory,
    chains: Chains,
    /// Whether only the ends of incidents are reported, because decisions have no consumer.
    ends_only: bool,
}

impl Assembler {
    /// Creates an assembler without any facts.
    /// The assembler does not judge: the function decides whether user space sent SIGKILL because memory was short, as
    /// [`crate::explain::is_kill_for_memory`] does.
    #[must_use]
    pub fn new(is_kill_for_memory: fn(&Incident) -> bool) -> Self {
        Self {
            is_kill_for_memory,
            begun: None,
            session: None,
            blind_to_exits: false,
            blind_to_signals: false,
            sysctl: None,
            lost: 0,
            unrecorded: 0,
            now_ns: 0,
            newest_pass: 0,
            open: Vec::new(),
            bursts: Vec::new(),
            awaited: VecDeque::new(),
            unreported_kills: 0,
            untold_kills: 0,
            pressure: None,
            escalated: Escalated::default(),
            prekills: VecDeque::new(),
            user_kills_left_out: 0,
            memory: Memory::default(),
            chains: Chains::default(),
            ends_only: false,
        }
    }

    /// Reports only the ends of incidents, for callers that do not use decisions.
    #[must_use]
    pub const fn reporting_ends_only(mut self) -> Self {
        self.report_ends_only();
        self
    }

    /// Does the same as [`Assembler::reporting_ends_only`], in place.
    pub const fn report_ends_only(&mut self) {
        self.ends_only = true;
    }

    /// The machine and the tracer, with the current clocks.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// Takes the next event and appends the resulting steps to `steps`.
    #[expect(clippy::too_many_lines, reason = "one line for each event")]
    pub fn push(&mut self, stamped: Stamped, steps: &mut Vec<Step>) {
        let Stamped { boot_ns, pass, event } = stamped;
        if moves_time(&event) {
            self.move_time(boot_ns, &event, steps);
        }
        match event {
            Event::Session(session) => self.begin_session(session, steps),
            Event::Sysctl(sysctl) => self.take_sysctl(pass, sysctl),
            Event::Machine(machine) => self.take_machine(machine),
            Event::Process(process) => self.take_process(process),
            Event::Loss(loss) => self.take_loss(&loss),
            Event::RecorderLoss(loss) => self.take_recorder_loss(loss.frames),
            Event::Clock(clock) => self.take_clock(clock),
            Event::MemoryStat(stat) => self.take_memory_stat(pass, stat),
            Event::CgroupPaths(told) => self.memory.keep_cgroup_paths(told),
            Event::Names(told) => self.memory.keep_names(told),
            Event::Prekill(told) => self.take_prekill(told),
            Event::LeadUp(told) => self.take_lead_up(pass, told),
            Event::Afterwards(told) => self.take_afterwards(pass, told),
            // A reading of the process carries arguments and executable. A forecast belongs to no incident.
            Event::Tick(_) | Event::Arguments(_) | Event::Executable(_) | Event::Forecast(_) => {}
            Event::Memcg(memcg) => self.take_memcg(pass, memcg),
            Event::OutOfMemory(entry) => self.open_pass(boot_ns, pass, &entry),
            Event::OomKillProcess(choice) => self.take_choice(boot_ns, pass, &choice),
            Event::OomGroup(group) => self.in_pass(boot_ns, pass).group = Some(group.memcg),
            Event::KillProcess(kill) => self.take_kill(boot_ns, pass, &Task::from(&kill.victim)),
            Event::MarkVictim(mark) if pass.is_some() => self.take_mark(boot_ns, pass, &mark),
            Event::MarkVictim(mark) => self.take_mark_alone(boot_ns, &mark),
            Event::Sigkill(sigkill) => self.take_signal(boot_ns, pass, &sigkill, steps),
            Event::Sigterm(sigterm) => self.take_sigterm(boot_ns, &sigterm, steps),
            Event::UserKills(kills) => self.take_user_kills(&kills),
            Event::Pressure(pressure) => self.take_pressure(boot_ns, pressure),
            Event::OutOfMemoryReturn(returned) => self.take_return(boot_ns, pass, returned, steps),
            Event::EmptyPasses(passes) => self.take_empty(&passes, steps),
            Event::Exit(exit) => self.take_exit(boot_ns, &exit),
            Event::Candidates(table) => self.take_candidates(pass, &table),
            Event::Reap(reap) => self.take_reap(boot_ns, reap),
            Event::Shortage(told) => self.take_shortage(boot_ns, pass, told),
            Event::SysrqOom(request) => self.memory.keep_request(SysrqRequest::new(boot_ns, &request)),
        }
        self.expire(steps);
        self.decide_alone(steps);
        self.close_settled(steps);
    }

    fn take_signal(&mut self, boot_ns: u64, pass: Option<u64>, kill: &Sigkill, steps: &mut Vec<Step>) {
        if kill.origin == Sigkill::FROM_KERNEL {
            self.take_sigkill(boot_ns, pass, kill);
        } else {
            self.take_user_kill(boot_ns, kill, steps);
        }
    }

    fn move_time(&mut self, boot_ns: u64, event: &Event, steps: &mut Vec<Step>) {
        // Frames of several CPUs may arrive slightly out of order. Time never goes back.
        self.now_ns = self.now_ns.max(boot_ns);
        // Take a count before closing anything: an incident may have been held open for it.
        if !matches!(event, Event::EmptyPasses(_)) {
            self.expire(steps);
        }
        self.expire_bursts(steps);
        self.expire_awaited(steps);
    }

    /// Ends the stream and closes all open incidents in their current state.
    pub fn finish(&mut self, steps: &mut Vec<Step>) {
        for incident in std::mem::take(&mut self.open) {
            let over = self.is_settled(&incident) && !self.may_take_namespace_along(&incident);
            let by = if over { ClosedBy::Kernel } else { ClosedBy::EndOfStream };
            self.close(incident, by, steps);
        }
        for burst in std::mem::take(&mut self.bursts) {
            self.end_burst(burst, ClosedBy::EndOfStream, steps);
        }
        self.end_awaited(steps);
    }

    /// Number of incidents that are not over yet.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open.len()
    }

    /// Number of frames so far that did not fit into the ring buffer.
    #[must_use]
    pub const fn lost_frames(&self) -> u64 {
        self.lost
    }

    /// Number of OOM kills so far that the kernel side counted and whose frames were all lost.
    #[must_use]
    pub const fn unreported_kills(&self) -> u64 {
        self.unreported_kills
    }

    /// Time of the earliest decision that is not over yet, `CLOCK_BOOTTIME` ns.
    #[must_use]
    pub fn earliest_open_ns(&self) -> Option<u64> {
        self.open.iter().chain(&self.bursts).chain(&self.awaited).map(|incident| incident.boot_ns).min()
    }

    /// Whether a decision that was reported is not over yet.
    #[must_use]
    pub fn is_reporting(&self) -> bool {
        let is_decided = |burst: &Incident| burst.decided;
        !self.open.is_empty() || !self.awaited.is_empty() || self.bursts.iter().any(is_decided)
    }

    /// Begins a session. Frames of another tracer or another boot are unrelated to the earlier ones.
    /// If the same session comes again, the stream continues with the next file of one recorder.
    fn begin_session(&mut self, session: Session, steps: &mut Vec<Step>) {
        if self.begun.as_deref().is_some_and(|known| *known == session) {
            return;
        }
        if self.begun.is_some() {
            self.finish(steps);
            *self = Self { ends_only: self.ends_only, ..Self::new(self.is_kill_for_memory) };
        }
        self.blind_to_exits = !session.has_hook("sched_process_exit");
        self.blind_to_signals = !session.has_hook("signal_generate");
        self.begun = Some(Rc::new(session));
        self.session.clone_from(&self.begun);
    }

    /// Updates the clocks. Later decisions use the new clocks; open incidents keep their dates.
    fn take_clock(&mut self, clock: Clock) {
        let Clock { wall_offset_ns, monotonic_offset_ns } = clock;
        let session = self.session.as_deref().cloned();
        self.session =
            session.map(|session| Rc::new(Session { wall_offset_ns, monotonic_offset_ns, ..session }));
    }

    fn take_process(&mut self, process: Process) {
        let process = Rc::new(process);
        add_process(self.open.iter_mut(), &process);
        // The facts may have come before their incident began, and an incident can wait for seconds until it is reported.
        if let Some(oldest) = self.memory.keep_process(process) {
            let unreported = self.open.iter_mut().chain(&mut self.bursts).chain(&mut self.awaited);
            add_process(unreported, &oldest);
        }
    }

    fn take_sysctl(&mut self, pass: Option<u64>, sysctl: Sysctl) {
        self.sysctl = Some(sysctl);
        let unset = self.open.iter_mut().filter(|incident| incident.sysctl.is_none());
        for incident in unset.filter(|incident| pass.is_none() || incident.pass == pass) {
            incident.sysctl = Some(sysctl);
        }
    }

    /// Takes the machine's memory, which was read right after a mark. It belongs to the incident that the mark opened.
    fn take_machine(&mut self, machine: Machine) {
        let alone = self.open.iter_mut().rev().find(|incident| incident.pass.is_none());
        if let Some(incident) = alone.filter(|incident| incident.machine.is_none()) {
            incident.machine = Some(machine);
        }
    }

    fn take_loss(&mut self, loss: &Loss) {
        let total = loss.total();
        let grown = total.saturating_sub(self.lost);
        self.lost = total;
        let unreported = loss.unreported_kills.saturating_sub(self.unreported_kills);
        self.unreported_kills = self.unreported_kills.max(loss.unreported_kills);
        self.untold_kills = self.untold_kills.saturating_add(unreported);
        self.add_loss(grown);
    }

    /// Adds frames that the recorder lost. They are missing only in the recording; a live stream has them.
    fn take_recorder_loss(&mut self, total: u64) {
        let grown = total.saturating_sub(self.unrecorded);
        self.unrecorded = total;
        self.add_loss(grown);
    }

    fn add_loss(&mut self, grown: u64) {
        for incident in self.open.iter_mut().chain(&mut self.bursts) {
            incident.lost_frames = incident.lost_frames.saturating_add(grown);
        }
    }

    /// Takes `memory.stat`: for the domain of a pass, for the first of a run of empty passes, or for a cgroup at its limit at
    /// a mark.
    fn take_memory_stat(&mut self, pass: Option<u64>, stat: crate::context::MemoryStat) {
        let is_it = |incident: &&mut Incident| {
            let of_domain =
                incident.domain() == Some(stat.memcg) && (pass.is_none() || incident.pass == pass);
            let of_mark =
                pass.is_none() && incident.pass.is_none() && incident.memcgs.contains_key(&stat.memcg);
            of_domain || of_mark
        };
        let of_domain = self.open.iter_mut().rev().find(is_it);
        if let Some(incident) = of_domain.filter(|incident| incident.memory_stat.is_none()) {
            incident.memory_stat = Some(Rc::new(stat.stat));
            incident.memory_stat_of = Some(stat.memcg);
        }
    }

    /// Returns the incident of a pass. If the beginning of the pass was lost, this opens an incident at its first known
    /// event.
    fn in_pass(&mut self, boot_ns: u64, pass: Option<u64>) -> &mut Incident {
        let known = self.open.iter().position(|incident| pass.is_some() && incident.pass == pass);
        let index = known.unwrap_or_else(|| {
            let incident = self.new_incident(pass.unwrap_or(boot_ns), pass);
            self.open.push(incident);
            self.open.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the position was found, or pushed, just above")]
        let incident = &mut self.open[index];
        incident.last_ns = incident.last_ns.max(boot_ns);
        incident
    }

    fn new_incident(&mut self, boot_ns: u64, pass: Option<u64>) -> Incident {
        self.newest_pass = self.newest_pass.max(pass.unwrap_or(0));
        let Shortage { memory_state, node_masks, call_trace } = self.memory.take_shortage(pass);
        Incident {
            session: self.session.clone(),
            pass,
            boot_ns,
            last_ns: boot_ns,
            memcgs: self.memory.take_memcgs(pass),
            ballot: self.memory.take_ballot(pass),
            memory_state,
            node_masks,
            call_trace,
            surroundings: self.memory.surroundings_near(boot_ns),
            ..Incident::default()
        }
    }
}

/// Maximum number of facts from procfs about the processes of an incident. A real recording has few for each process.
const FACTS: usize = 4096;

/// Adds facts about a process to the incidents that involve it.
fn add_process<'a>(incidents: impl Iterator<Item = &'a mut Incident>, process: &Rc<Process>) {
    for incident in incidents.filter(|incident| incident.involved().any(|task| is_of(process, task))) {
        let has_room = incident.processes.len() < FACTS;
        if has_room && !incident.processes.iter().any(|known| Rc::ptr_eq(known, process)) {
            incident.processes.push(Rc::clone(process));
        }
    }
}
