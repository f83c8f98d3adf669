//! Reads the state of the machine's memory from procfs and sysfs.
//! The kernel side sends zones and nodes for most decisions of the page allocator. For all other decisions they are read
//! here. All other facts exist only in procfs.
//!
//! The facts are read in two steps.
//! `/proc/meminfo`, and the zones if they are needed, are read after the kernel has decided and after all facts that
//! disappear with the victim.
//! The surroundings change slowly and take longest, so they are read last.

mod buddyinfo;
mod huge_pages;
mod lines;
mod meminfo;
mod mounts;
mod now;
mod slabinfo;
mod state;
mod surroundings;
mod swaps;
mod sysvipc;
mod tmpfs;
mod zoneinfo;

use std::collections::VecDeque;

use oomtrace_common::{
    event::{EmptyPasses, OutOfMemory},
    frame::{FrameHeader, Kind},
};
use zerocopy::FromBytes;

pub(crate) use self::now::now;
use self::{lines::Lines, state::StateGauge, surroundings::SurroundingsGauge};
use super::{cgroup::memory_stat::NOTHING_TO_KILL, pace::Pace};
use crate::{context::SURROUNDINGS_NS, frame::context_frame, kernel::clock};

/// Maximum number of decisions whose state is still to be read.
const MOST_WANTED: usize = 16;

/// Minimum interval between two reads of `/proc/meminfo`, which is read for each decision, ns. A read takes 30 µs.
const MEMINFO_EVERY_NS: u64 = 10_000_000;

/// Minimum interval between two reads of the zones, ns.
/// The threads of one victim are marked one by one within such a time, and each mark could be a decision.
const ZONES_EVERY_NS: u64 = 100_000_000;

/// A decision whose state is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    /// The pass; 0 for a mark outside of all passes.
    pass: u64,
    /// Whether the machine may have run out of memory, and not a cgroup.
    of_machine: bool,
}

/// The files, and the decisions for which they are to be read.
pub(super) struct ShortageLookups {
    lines: Lines,
    state: StateGauge,
    surroundings: SurroundingsGauge,
    wanted: VecDeque<Wanted>,
    /// The last decision whose surroundings are to be read. One reading covers all decisions at about that time.
    around: Option<u64>,
    /// The last pass for which the kernel side sent zones.
    zones_sent: Option<u64>,
    meminfo_pace: Pace,
    zones_pace: Pace,
    around_pace: Pace,
}

impl ShortageLookups {
    /// Opens the files and reads all of them once, so that the code, the kernel's buffers and the memory of this process are
    /// present.
    pub(super) fn open() -> Self {
        let page_size = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        let mut lookups = Self {
            lines: Lines::new(),
            state: StateGauge::open(page_size),
            surroundings: SurroundingsGauge::open(page_size),
            wanted: VecDeque::with_capacity(MOST_WANTED),
            around: None,
            zones_sent: None,
            meminfo_pace: Pace::new(MEMINFO_EVERY_NS),
            zones_pace: Pace::new(ZONES_EVERY_NS),
            around_pace: Pace::new(SURROUNDINGS_NS),
        };
        drop((lookups.state.meminfo(&mut lookups.lines), lookups.state.zones(&mut lookups.lines)));
        drop(lookups.surroundings.read(&mut lookups.lines));
        lookups
    }

    /// Processes a frame.
    pub(super) fn note(&mut self, header: &FrameHeader, payload: &[u8]) {
        if header.kind == Kind::Zone.number() {
            self.zones_sent = Some(header.pass);
        }
        let Some(wanted) = decision(header, payload) else { return };
        if self.wanted.len() < MOST_WANTED && !self.wanted.contains(&wanted) {
            self.wanted.push_back(wanted);
        }
        self.around = Some(wanted.pass);
    }

    /// Reads the state for the next decision that is due. Returns whether there was one.
    pub(super) fn look_up_state(&mut self, batch: &mut Vec<u8>) -> bool {
        while let Some(wanted) = self.wanted.pop_front() {
            let needs_zones = wanted.of_machine && self.zones_sent != Some(wanted.pass);
            let before = batch.len();
            if wanted.pass == 0 && !self.zones_pace.is_due(clock::boot_ns()) {
                continue;
            }
            if needs_zones {
                self.zones(wanted.pass, batch);
            }
            self.meminfo(wanted.pass, batch);
            if batch.len() > before {
                return true;
            }
        }
        false
    }

    fn zones(&mut self, pass: u64, batch: &mut Vec<u8>) {
        let begun = clock::boot_ns();
        if self.zones_pace.is_due(begun)
            && let Some(zones) = self.state.zones(&mut self.lines)
        {
            batch.extend(context_frame(Kind::Zones, zones.read_ns, pass, &zones));
            self.zones_pace.looked(begun, clock::boot_ns());
        }
    }

    fn meminfo(&mut self, pass: u64, batch: &mut Vec<u8>) {
        let begun = clock::boot_ns();
        if self.meminfo_pace.is_due(begun)
            && let Some(meminfo) = self.state.meminfo(&mut self.lines)
        {
            batch.extend(context_frame(Kind::Meminfo, meminfo.read_ns, pass, &meminfo));
            self.meminfo_pace.looked(begun, clock::boot_ns());
        }
    }

    /// Reads the surroundings, if there was a decision and they are due. Returns whether it did. The decisions of a storm
    /// share one reading.
    pub(super) fn look_around(&mut self, batch: &mut Vec<u8>) -> bool {
        let begun = clock::boot_ns();
        let Some(pass) = self.around.take().filter(|_| self.around_pace.is_due(begun)) else { return false };
        let found = self.surroundings.read(&mut self.lines);
        batch.extend(context_frame(Kind::Surroundings, found.read_ns, pass, &found));
        self.around_pace.looked(begun, clock::boot_ns());
        true
    }
}

/// Returns the decision in a frame: a pass, the first of a run of passes that find no process to kill, or a mark outside of
/// all passes.
fn decision(header: &FrameHeader, payload: &[u8]) -> Option<Wanted> {
    let wanted = |flags: u32| Wanted { pass: header.pass, of_machine: flags & OutOfMemory::MEMCG == 0 };
    match Kind::from_number(header.kind) {
        Some(Kind::OutOfMemory) => of::<OutOfMemory>(payload).map(|entry| wanted(entry.flags)),
        Some(Kind::EmptyPasses) => {
            let run = of::<EmptyPasses>(payload)?;
            let begins = run.count == 1 && run.emptiness == NOTHING_TO_KILL;
            begins.then(|| wanted(run.flags))
        }
        Some(Kind::MarkVictim) => (header.pass == 0).then(|| wanted(0)),
        _ => None,
    }
}

fn of<T: FromBytes>(payload: &[u8]) -> Option<T> {
    T::read_from_prefix(payload).ok().map(|(event, _)| event)
}

#[cfg(test)]
mod tests;
