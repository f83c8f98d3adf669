//! Large processes. Each has a history and an open directory in procfs, so that a reused pid cannot be mistaken for it.

use std::{io::Write as _, os::fd::OwnedFd};

use rustix::fs::OFlags;

use super::files::{Files, name_and_start, open, resident_pages};
use crate::{
    bytes::ByteString,
    source::history::{
        Shared,
        series::Series,
        table::{Kib, MOST_PROCESSES, Process, Resident},
    },
};

/// Processes smaller than this have no history.
const SMALLEST_BYTES: u64 = 1 << 20;

/// Number of rounds after which a process that was not seen is read individually.
const ROUNDS: u32 = 8;

/// The directories of the processes in the table, in the same order.
pub(in crate::source::history) struct Processes {
    proc: Option<OwnedFd>,
    page_size: u64,
    tick_ns: u64,
    watched: Vec<Watched>,
}

struct Watched {
    pid: i32,
    directory: OwnedFd,
    bytes: u64,
    seen_round: u32,
}

/// The time and round of a reading.
#[derive(Clone, Copy)]
pub(in crate::source::history) struct Moment {
    pub(in crate::source::history) at_ns: u64,
    pub(in crate::source::history) round: u32,
}

impl Processes {
    /// Creates the list. Processes are read only if procfs has the pids that the kernel side sends.
    pub(in crate::source::history) fn new(has_machines_pids: bool) -> Self {
        let open = || open(rustix::fs::CWD, "/proc", OFlags::DIRECTORY | OFlags::PATH);
        let ticks = rustix::param::clock_ticks_per_second().max(1);
        Self {
            proc: if has_machines_pids { open() } else { None },
            page_size: u64::try_from(rustix::param::page_size()).unwrap_or(4096),
            tick_ns: 1_000_000_000 / ticks,
            watched: Vec::with_capacity(MOST_PROCESSES),
        }
    }

    /// Reads a process of a cgroup.
    pub(in crate::source::history) fn look(
        &mut self,
        files: &mut Files,
        shared: &Shared,
        now: Moment,
        (pid, memcg): (i32, u64),
    ) {
        if let Some(index) = self.watched.iter().position(|watched| watched.pid == pid) {
            if self.again(files, shared, now, index, Some(memcg)) {
                return;
            }
            self.forget(shared, index);
        }
        self.first(files, shared, now, (pid, memcg));
    }

    /// Reads all processes that have a history.
    pub(in crate::source::history) fn look_at_watched(
        &mut self,
        files: &mut Files,
        shared: &Shared,
        now: Moment,
    ) {
        self.look_where(files, shared, now, |_| true);
    }

    /// Returns the present name of a process that has a history. It may have executed another program since its first sample.
    pub(in crate::source::history) fn comm(&self, files: &mut Files, pid: i32) -> Option<ByteString> {
        let watched = self.watched.iter().find(|watched| watched.pid == pid)?;
        let comm = files.read(&watched.directory, "comm")?;
        Some(comm.strip_suffix(b"\n").unwrap_or(comm).to_vec().into())
    }

    /// Reads the processes that were not seen for some rounds. Most of them have exited.
    pub(in crate::source::history) fn sweep(&mut self, files: &mut Files, shared: &Shared, now: Moment) {
        self.look_where(files, shared, now, |watched| now.round.wrapping_sub(watched.seen_round) > ROUNDS);
    }

    fn look_where(
        &mut self,
        files: &mut Files,
        shared: &Shared,
        now: Moment,
        is_due: impl Fn(&Watched) -> bool,
    ) {
        let mut index = 0;
        while let Some(watched) = self.watched.get(index).filter(|_| !shared.is_deciding(now.at_ns)) {
            if !is_due(watched) || self.again(files, shared, now, index, None) {
                index += 1;
            } else {
                self.forget(shared, index);
            }
        }
    }

    /// Takes another sample. Returns false if the process has exited.
    fn again(
        &mut self,
        files: &mut Files,
        shared: &Shared,
        now: Moment,
        index: usize,
        memcg: Option<u64>,
    ) -> bool {
        let Some(watched) = self.watched.get_mut(index) else { return false };
        let pages = files.read(&watched.directory, "statm").and_then(resident_pages);
        // A process without memory is exiting.
        let Some(pages) = pages.filter(|pages| *pages > 0) else { return false };
        let bytes = pages.saturating_mul(self.page_size);
        (watched.bytes, watched.seen_round) = (bytes, now.round);
        if let Some(process) = shared.table().processes.get_mut(index) {
            process.memcg = memcg.unwrap_or(process.memcg);
            process.series.push(Resident { at_ns: now.at_ns, bytes: Kib::of(Some(bytes)) });
        }
        true
    }

    /// Reads a process without a history, and starts one if the process is large enough.
    fn first(&mut self, files: &mut Files, shared: &Shared, now: Moment, (pid, memcg): (i32, u64)) {
        if self.proc.is_none() {
            return;
        }
        let mut name = [0; 32];
        let mut room = name.as_mut_slice();
        if write!(room, "{pid}/statm").is_err() {
            return;
        }
        let left = room.len();
        let name = name.get(..32 - left).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        let pages = self.proc.as_ref().and_then(|proc| resident_pages(files.read(proc, name)?));
        let Some(pages) = pages else { return };
        let bytes = pages.saturating_mul(self.page_size);
        if bytes < SMALLEST_BYTES || !self.make_room(shared, bytes) {
            return;
        }
        let pid_directory = name.split('/').next().unwrap_or_default();
        let directory =
            self.proc.as_ref().and_then(|proc| open(proc, pid_directory, OFlags::DIRECTORY | OFlags::PATH));
        let Some(directory) = directory else { return };
        let Some((comm, start)) = files.read(&directory, "stat").and_then(name_and_start) else { return };
        let start_ns = start.checked_mul(self.tick_ns);
        let series = Series::new(Resident { at_ns: now.at_ns, bytes: Kib::of(Some(bytes)) });
        shared.table().processes.push(Process { pid, start_ns, comm, memcg, series });
        self.watched.push(Watched { pid, directory, bytes, seen_round: now.round });
    }

    /// Whether there is room for a process of this size. If the table is full, the smallest process is dropped for a clearly
    /// larger one.
    fn make_room(&mut self, shared: &Shared, bytes: u64) -> bool {
        if self.watched.len() < MOST_PROCESSES {
            return true;
        }
        let smallest = self.watched.iter().enumerate().min_by_key(|(_, watched)| watched.bytes);
        match smallest {
            Some((index, watched)) if watched.bytes.saturating_add(watched.bytes / 4) < bytes => {
                self.forget(shared, index);
                true
            }
            _ => false,
        }
    }

    fn forget(&mut self, shared: &Shared, index: usize) {
        let mut table = shared.table();
        if index < self.watched.len() && index < table.processes.len() {
            table.processes.swap_remove(index);
            self.watched.swap_remove(index);
        }
    }
}
