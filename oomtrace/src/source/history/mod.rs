//! The last ten minutes of memory usage: of the machine, of each cgroup and of the large processes.
//!
//! A separate thread takes the samples (`sampler`) and keeps them in one table. The memory of the table is allocated at the
//! start.
//! The tracing thread reads no file for it. After a decision, it copies the relevant part into a frame (`excerpt`).
//! It does not wait for the table: if the table is locked at that moment, it tries again after the next frame.

mod announcements;
mod approach;
mod burst;
mod excerpt;
mod foresee;
mod hot;
mod now;
mod reading;
mod room;
mod sampler;
mod series;
mod table;

use std::{
    os::fd::BorrowedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use oomtrace_common::{
    event::{self, KillProcess, MarkVictim, OomKillProcess, OutOfMemory},
    frame::{FrameHeader, Kind},
};
use zerocopy::FromBytes;

pub use self::now::Gauge;
use self::{announcements::Announcements, burst::Burst, table::Table};
use crate::{frame::context_frame, kernel::clock};

/// Maximum number of processes that are named for one decision: the trigger and the first victims.
const MOST_TASKS: usize = 16;

/// A decision that takes longer than this no longer stops the samples, ns. The frame of its end may have been lost.
const DECISION_NS: u64 = 1_000_000_000;

/// Data that both threads use.
struct Shared {
    table: Mutex<Table>,
    announcements: Option<Announcements>,
    /// Start time of the decision in progress, `CLOCK_BOOTTIME` ns; 0 without one.
    deciding_ns: AtomicU64,
}

impl Shared {
    fn new(table: Table, horizon_ns: Option<u64>) -> Self {
        let announcements = horizon_ns.and_then(Announcements::new);
        Self { table: Mutex::new(table), announcements, deciding_ns: AtomicU64::new(0) }
    }

    /// Locks the table, for the sampling thread.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a decision is in progress. If so, the sampling thread reads nothing.
    fn is_deciding(&self, now_ns: u64) -> bool {
        let since_ns = self.deciding_ns.load(Ordering::Relaxed);
        since_ns != 0 && now_ns.saturating_sub(since_ns) < DECISION_NS
    }
}

/// The tracing thread's side of the history.
pub struct History {
    shared: Arc<Shared>,
    interval_ns: u64,
    wanted: Option<Wanted>,
    burst: Burst,
}

/// The decision whose history is still to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    pass: u64,
    decided_ns: u64,
    /// Kernfs id of the cgroup that ran out; absent for the machine, and if it is not known.
    domain: Option<u64>,
    tasks: Vec<Task>,
}

/// A process that a decision names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Task {
    pid: i32,
    memcg: u64,
}

/// Starts the sampling thread. It takes a sample every `interval_ns`.
/// With a horizon, it announces once per approach that memory will run out within that time, ns.
#[must_use]
pub fn start(interval_ns: u64, horizon_ns: Option<u64>) -> History {
    let shared = Arc::new(Shared::new(Table::new(clock::boot_ns()), horizon_ns));
    sampler::start(Arc::clone(&shared), interval_ns);
    History { shared, interval_ns, wanted: None, burst: Burst::new() }
}

impl History {
    /// Returns a descriptor that becomes readable when there is a forecast; `None` if forecasts are off.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.shared.announcements.as_ref().map(Announcements::descriptor)
    }

    /// Appends the frames of all new forecasts.
    pub(super) fn send_forecasts(&self, batch: &mut Vec<u8>) {
        let Some(announcements) = &self.shared.announcements else { return };
        for forecast in announcements.take() {
            batch.extend(context_frame(Kind::Forecast, clock::boot_ns(), 0, &forecast));
        }
    }

    /// Processes a frame. `domain` is the cgroup that a mark outside of all passes belongs to, if it is known.
    pub(super) fn note(&mut self, header: &FrameHeader, payload: &[u8], domain: Option<u64>) {
        match Kind::from_number(header.kind) {
            Some(Kind::OutOfMemory) => self.begin(header, payload),
            Some(Kind::OomKillProcess) => {
                self.add(header.pass, of(payload).map(|choice: OomKillProcess| choice.chosen));
            }
            Some(Kind::KillProcess) => {
                self.add(header.pass, of(payload).map(|kill: KillProcess| kill.victim));
            }
            Some(Kind::MarkVictim) if header.pass == 0 => {
                let Some(mark) = of::<MarkVictim>(payload) else { return };
                let tasks = [mark.victim, mark.trigger].iter().filter_map(task).collect();
                self.wanted = Some(Wanted { pass: 0, decided_ns: header.boot_ns, domain, tasks });
            }
            _ => {}
        }
    }

    fn begin(&mut self, header: &FrameHeader, payload: &[u8]) {
        let Some(entry) = of::<OutOfMemory>(payload) else { return };
        self.shared.deciding_ns.store(header.pass, Ordering::Relaxed);
        let domain = (entry.flags & OutOfMemory::MEMCG != 0).then_some(entry.memcg);
        let tasks = task(&entry.trigger).into_iter().collect();
        self.wanted = Some(Wanted { pass: header.pass, decided_ns: header.pass, domain, tasks });
    }

    fn add(&mut self, pass: u64, task_of: Option<event::Task>) {
        let wanted =
            self.wanted.as_mut().filter(|wanted| wanted.pass == pass && wanted.tasks.len() < MOST_TASKS);
        if let Some((wanted, task)) = wanted.zip(task_of.as_ref().and_then(task)) {
            wanted.tasks.push(task);
        }
    }

    /// Marks the current decision as made.
    pub(super) fn decided(&mut self) {
        self.shared.deciding_ns.store(0, Ordering::Relaxed);
    }

    /// Appends the history of the last decision. Returns whether there was one. If the table is locked, the decision is kept
    /// for the next call.
    pub(super) fn send(&mut self, batch: &mut Vec<u8>) -> bool {
        let begun = clock::boot_ns();
        let Some(wanted) = self.wanted.take() else { return false };
        if !self.burst.is_due(begun) {
            return false;
        }
        let shared = Arc::clone(&self.shared);
        let Ok(table) = shared.table.try_lock() else {
            self.wanted = Some(wanted);
            return false;
        };
        let Some(lead_up) = excerpt::lead_up(&table, &wanted, self.interval_ns) else { return false };
        drop(table);
        batch.extend(context_frame(Kind::LeadUp, begun, wanted.pass, &lead_up));
        self.burst.sent(begun, clock::boot_ns());
        true
    }
}

fn task(task: &event::Task) -> Option<Task> {
    let has = |bit| task.present & bit != 0;
    has(event::Task::PID)
        .then(|| Task { pid: task.pid, memcg: if has(event::Task::MEMCG) { task.memcg } else { 0 } })
}

fn of<T: FromBytes>(payload: &[u8]) -> Option<T> {
    T::read_from_prefix(payload).ok().map(|(event, _)| event)
}

#[cfg(test)]
mod tests;
