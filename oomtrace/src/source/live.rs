//! The running kernel as a source of frames: the ring buffer, and facts that must be read from procfs while they are still
//! true.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use aya::maps::{Array, HashMap, Map};
use oomtrace_common::{
    event,
    frame::{FrameHeader, Kind},
    limits::{EMPTY_PASSES_EVERY_NS, USER_KILL_COUNT_NS},
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zerocopy::FromBytes as _;

use super::{
    Batch, Ended, Heartbeat, Source, SourceError,
    history::History,
    lookups::Lookups,
    loss::Losses,
    names::Names,
    pending::{PendingActs, PendingRuns},
    prekill::Prekills,
    ring::Ring,
    wall_clock::WallClock,
};
use crate::{
    context::Tick,
    frame::{context_frame, kernel_frame},
    kernel::{
        clock,
        load::{Armed, Held},
        reserve,
    },
};

/// Time after the last empty pass at which the kernel's count is final, in ns.
const QUIET_NS: u64 = EMPTY_PASSES_EVERY_NS + EMPTY_PASSES_EVERY_NS / 10;

/// The time between two reads of the counts of acts, in ns. With the time for which the kernel side holds back a count, it is less than
/// the time after which the assembler considers an act over.
const ACT_READ_NS: u64 = USER_KILL_COUNT_NS / 2;

/// Initial capacity of a batch: the frames of a decision, without its table of candidates.
const BATCH_BYTES: usize = 16 << 10;

/// The kernel side, attached, with the descriptors that end the stream.
pub struct Live<'a> {
    ring: Ring,
    losses: Losses,
    pending: PendingRuns,
    acts: PendingActs,
    lookups: Lookups,
    wall_clock: WallClock,
    batch: Vec<u8>,
    quiet_at: Option<u64>,
    /// Time at which the counts of acts are to be read.
    acts_due_at: Option<u64>,
    heartbeat: Option<Heartbeat>,
    prekills: Option<Arc<Prekills>>,
    /// Whether frames have come since the reserve of memory was filled.
    has_used_memory: bool,
    signals: BorrowedFd<'a>,
    output: Option<BorrowedFd<'a>>,
    /// Becomes readable when the loop must go round once.
    wake: Option<BorrowedFd<'a>>,
    /// The attached programs. Dropped last, when nothing reads the ring buffer any more.
    _held: Held,
}

impl<'a> Live<'a> {
    /// Takes over the attached programs.
    /// `signals` becomes readable when the stream must end. `output`, if given, hangs up when it has no reader any more.
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
        let (ring, lost) = (take("RING")?, take("LOST")?);
        let (empty, acts) = (take("EMPTY")?, take("ACTS")?);
        let unusable = |name| move |error| SourceError::Map(name, Box::new(error));
        Ok(Self {
            ring: descriptor(&ring).and_then(Ring::new).map_err(SourceError::Ring)?,
            losses: Losses::new(Array::try_from(lost).map_err(unusable("LOST"))?),
            pending: PendingRuns::new(HashMap::try_from(empty).map_err(unusable("EMPTY"))?),
            acts: PendingActs::new(HashMap::try_from(acts).map_err(unusable("ACTS"))?),
            lookups: Lookups::new(armed.cmdlines),
            wall_clock: WallClock::new(),
            batch: touched(session),
            quiet_at: None,
            acts_due_at: None,
            heartbeat: None,
            prekills: None,
            has_used_memory: false,
            signals,
            output,
            wake: None,
            _held: armed.hold().map_err(|error| SourceError::Programs(Box::new(error)))?,
        })
    }

    /// Sets the source of the names that are added to incidents.
    #[must_use]
    pub fn naming(mut self, names: Option<Names>) -> Self {
        self.lookups.name(names);
        self
    }

    /// Sets the history from which the minutes before each decision are added.
    #[must_use]
    pub fn remembering(mut self, history: Option<History>) -> Self {
        self.lookups.remember(history);
        self
    }

    /// Sets where announced kills come from.
    #[must_use]
    pub fn hearing(mut self, prekills: Option<Arc<Prekills>>) -> Self {
        self.prekills = prekills;
        self
    }

    /// Sets the function that shows that the loop goes round.
    #[must_use]
    pub fn beating(mut self, heartbeat: Option<Heartbeat>) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Returns a batch, which may be empty, when this descriptor becomes readable. It must be a pipe that does not block.
    #[must_use]
    pub const fn waking(mut self, wake: Option<BorrowedFd<'a>>) -> Self {
        self.wake = wake;
        self
    }

    /// Moves all frames from the ring buffer to the batch, with the facts that are read for each frame.
    /// Facts that can wait are read when the ring buffer is empty and no decision is in progress. Frames that arrived in the
    /// meantime go first again.
    fn drain(&mut self) {
        if let Some(prekills) = &self.prekills {
            prekills.send(&mut self.batch);
        }
        self.take_frames();
        while self.lookups.look_up_one(&mut self.batch) {
            self.take_frames();
        }
        self.lookups.send_forecasts(&mut self.batch);
        self.lookups.tell_functions(&mut self.batch);
        if let Some(lost) = self.losses.grown() {
            self.batch.extend(context_frame(Kind::Loss, clock::boot_ns(), 0, &lost));
        }
    }

    fn take_frames(&mut self) {
        let Self { ring, batch, lookups, quiet_at, acts_due_at, .. } = self;
        ring.each(|frame| {
            #[cfg(feature = "faults")]
            if crate::faults::drops(frame) {
                return;
            }
            let Ok((header, payload)) = FrameHeader::read_from_prefix(frame) else { return };
            lookups.before(&header, payload, batch);
            batch.extend_from_slice(frame);
            let now = clock::boot_ns();
            if header.kind == Kind::EmptyPasses.number() {
                *quiet_at = Some(now + QUIET_NS);
            }
            if is_of_act(&header, payload) {
                acts_due_at.get_or_insert(now + ACT_READ_NS);
            }
            lookups.after(&header, payload, now, batch);
        });
    }

    /// Appends the last count of a run of empty passes or of an act, once it has been quiet for long enough.
    fn settle(&mut self, now: u64) {
        if self.quiet_at.is_some_and(|at| at <= now) {
            self.quiet_at = None;
            for run in self.pending.unsent(now) {
                self.batch.extend(kernel_frame(now, run.last_ns, &run));
            }
        }
        if self.acts_due_at.is_some_and(|at| at <= now) {
            self.acts_due_at = None;
            let (unsent, goes_on) = self.acts.unsent(now);
            if goes_on {
                self.acts_due_at = Some(now + ACT_READ_NS);
            }
            for kills in unsent {
                self.batch.extend(kernel_frame(kills.last_ns, 0, &kills));
            }
        }
    }

    /// Empties the pipe if it is readable. What is left wakes the loop again.
    fn note_wake(&mut self, is_readable: bool) {
        let _ = self.wake.filter(|_| is_readable).map(|wake| rustix::io::read(wake, &mut [0; 64]));
        // The pipeline may now start a thread.
        self.has_used_memory |= is_readable;
    }

    /// Sleeps until there are frames, the deadline (boot ns) has passed, the stream must end, or `wake` is readable. The second value
    /// is true in the last case.
    fn wait(&self, deadline: Option<u64>) -> Result<(Option<Ended>, bool), SourceError> {
        let beat_at = self.heartbeat.as_ref().map(Heartbeat::next_ns);
        let own = [self.quiet_at, self.acts_due_at, self.lookups.next_look_ns(), beat_at];
        let deadline = own.into_iter().chain([deadline]).flatten().min();
        let timeout = deadline.map(|at| duration(at.saturating_sub(clock::boot_ns())));
        let mut fds = vec![
            PollFd::new(&self.ring, PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals, PollFlags::IN),
        ];
        // No flag is requested: poll reports a hang-up and an error anyway.
        let output = self.output.map(|output| PollFd::from_borrowed_fd(output, PollFlags::empty()));
        let has_output = output.is_some();
        fds.extend(output);
        let clock = self.wall_clock.descriptor();
        fds.extend(clock.map(|clock| PollFd::from_borrowed_fd(clock, PollFlags::IN)));
        let prekills = self.prekills.as_deref().map(Prekills::descriptor);
        let others = [self.lookups.forecasts(), self.lookups.functions(), prekills];
        fds.extend(others.into_iter().flatten().map(|other| PollFd::from_borrowed_fd(other, PollFlags::IN)));
        let wake = fds.len();
        fds.extend(self.wake.map(|wake| PollFd::from_borrowed_fd(wake, PollFlags::IN)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(SourceError::Poll(error.into())),
        }
        let woken = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
        let ended = match (woken(1), has_output && woken(2)) {
            (true, _) => Some(Ended::Signal),
            (false, true) => Some(Ended::NoReader),
            (false, false) => None,
        };
        Ok((ended, woken(wake)))
    }
}

impl Source for Live<'_> {
    fn next(&mut self, deadline: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
        batch.clear();
        // The first call returns the session.
        if !self.batch.is_empty() {
            *batch = std::mem::replace(&mut self.batch, touched(Vec::new()));
            return Ok(Batch::Frames);
        }
        let is_reading = self.lookups.is_reading();
        // No incident is open, so this delays no report.
        if deadline.is_none() && !is_reading && std::mem::take(&mut self.has_used_memory) {
            reserve::fill();
        }
        let (ended, is_woken) = self.wait(if is_reading { Some(0) } else { deadline })?;
        self.note_wake(is_woken);
        if let Some(clock) = self.wall_clock.was_set() {
            self.batch.extend(context_frame(Kind::Clock, clock::boot_ns(), 0, &clock));
        }
        self.lookups.read_on(&mut self.batch);
        // Before the frames of the ring buffer: after a stall, they may end the time for which incidents wait.
        self.lookups.send_look(clock::boot_ns(), &mut self.batch);
        self.drain();
        let now = clock::boot_ns();
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.at(now);
        }
        if ended.is_some() || deadline.is_some_and(|at| at <= now) {
            self.lookups.finish(&mut self.batch);
        }
        while ended.is_some() && self.lookups.is_reading() {
            self.lookups.read_on(&mut self.batch);
        }
        if ended.is_some() {
            self.acts.end();
            self.quiet_at = self.quiet_at.map(|_| now);
            self.acts_due_at = self.acts_due_at.map(|_| now);
        }
        self.settle(now);
        // Time does not advance while facts are being read that an incident waits for.
        if self.batch.is_empty() && !self.lookups.is_reading() && deadline.is_some_and(|at| at <= now) {
            self.batch.extend(context_frame(Kind::Tick, now, 0, &Tick {}));
        }
        std::mem::swap(batch, &mut self.batch);
        self.has_used_memory |= !batch.is_empty();
        Ok(ended.map_or(Batch::Frames, Batch::Last))
    }
}

/// Returns the descriptor of the ring buffer.
fn descriptor(map: &Map) -> io::Result<OwnedFd> {
    let Map::RingBuf(map) = map else { return Err(io::Error::other("it is a map of another type")) };
    map.fd().as_fd().try_clone_to_owned()
}

/// Whether a frame belongs to an act of user space, which may have signals without a frame.
fn is_of_act(header: &FrameHeader, payload: &[u8]) -> bool {
    if header.kind == Kind::UserKills.number() {
        return true;
    }
    let is_signal = [Kind::Sigkill, Kind::Sigterm].map(Kind::number).contains(&header.kind);
    let kill = event::Sigkill::read_from_prefix(payload).ok().filter(|_| is_signal);
    kill.is_some_and(|(kill, _)| kill.act_count > 0)
}

/// Allocates a batch before it is needed. Growing it during a decision would wait for memory until the victim has exited.
fn touched(content: Vec<u8>) -> Vec<u8> {
    let mut batch = vec![1; BATCH_BYTES];
    batch.clear();
    batch.extend(content);
    batch
}

fn duration(ns: u64) -> Timespec {
    // Add a millisecond: a wakeup just before the deadline would only lead to another sleep.
    Timespec::try_from(Duration::from_nanos(ns) + Duration::from_millis(1))
        .unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}
