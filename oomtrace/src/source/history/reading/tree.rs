//! Walks the memory cgroups.
//! The walk reads the usage of every cgroup. It reads the other files only if the usage has changed, and from time to time.

use std::{mem::MaybeUninit, os::fd::OwnedFd};

use rustix::fs::{FileType, OFlags, RawDir, fstat};

use super::{
    cgroup::{Names, Own},
    files::{Files, open},
    processes::{Moment, Processes},
};
use crate::source::{
    cgroup::cgroupfs::MemoryHierarchy,
    history::{
        Shared,
        series::Series,
        table::{Cgroup, Kib, LEVELS, Sample},
    },
};

/// A cgroup whose usage has not changed is read in full once in this many rounds.
const ROUNDS: u32 = 6;

/// Smallest change of usage that causes a full reading: this many bytes, or one part in [`CHANGE_SHARE`].
const CHANGE_BYTES: u64 = 256 << 10;
const CHANGE_SHARE: u64 = 128;

/// Maximum number of processes of one cgroup that are read.
const MOST_PIDS: usize = 4096;

/// The kernfs id of a hierarchy's root.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup.c#L2131> (`cgroup_setup_root`)
const ROOT_ID: u64 = 1;

/// State that is kept from one walk to the next.
pub(in crate::source::history) struct Tree {
    names: Names,
    /// Whether the machine has swap.
    pub(in crate::source::history) has_swap: bool,
    pids: Vec<i32>,
    /// Number of cgroups that did not fit in this walk.
    left_out: u32,
    whole: bool,
}

/// The place of a cgroup.
#[derive(Clone, Copy)]
pub(in crate::source::history) struct Place<'a> {
    pub(in crate::source::history) parent: u64,
    pub(in crate::source::history) name: &'a [u8],
    pub(in crate::source::history) depth: usize,
    /// Whether the cgroup is read in full regardless of its usage.
    pub(in crate::source::history) full: bool,
    /// Whether the parent was read in full. If so, a cgroup without a usage file is read in full as well.
    pub(in crate::source::history) above_full: bool,
}

/// The objects that a walk uses.
pub(in crate::source::history) struct Tools<'a> {
    pub(in crate::source::history) files: &'a mut Files,
    pub(in crate::source::history) processes: &'a mut Processes,
    pub(in crate::source::history) shared: &'a Shared,
    pub(in crate::source::history) now: Moment,
}

impl Tree {
    pub(in crate::source::history) fn new(hierarchy: &MemoryHierarchy) -> Self {
        let names = Names::of(hierarchy);
        Self { names, has_swap: false, pids: Vec::with_capacity(MOST_PIDS), left_out: 0, whole: true }
    }

    /// Walks the whole hierarchy. Returns false if a decision interrupted the walk.
    pub(in crate::source::history) fn walk(&mut self, root: &OwnedFd, tools: &mut Tools<'_>) -> bool {
        (self.left_out, self.whole) = (0, true);
        self.visit(root, Place { parent: 0, name: b"", depth: 0, full: false, above_full: true }, tools);
        if self.whole {
            // In a cgroup namespace, there are cgroups outside of the mount.
            let is_all = fstat(root).is_ok_and(|root| root.st_ino == ROOT_ID);
            let listed_ns = is_all.then_some(tools.now.at_ns);
            tools.shared.table().end_round(tools.now.round, listed_ns, self.left_out);
        }
        self.whole
    }

    /// Reads a cgroup and all cgroups below it.
    pub(in crate::source::history) fn visit(
        &mut self,
        directory: &OwnedFd,
        place: Place<'_>,
        tools: &mut Tools<'_>,
    ) {
        if tools.shared.is_deciding(tools.now.at_ns) {
            self.whole = false;
            return;
        }
        let Ok(stat) = fstat(directory) else { return };
        let id = stat.st_ino;
        let usage = self.names.usage(tools.files, directory);
        let full = place.full || (usage.is_none() && place.above_full) || is_due(tools, id, usage);
        let mut sample = Sample { usage: Kib::of(usage), ..Sample::at(tools.now.at_ns) };
        let read = full.then(|| self.names.read(tools.files, directory, self.has_swap, &mut sample));
        self.keep(id, place, sample, read, tools.shared, tools.now.round);
        if full {
            self.look_at_processes(directory, id, tools);
        }
        // A kernfs directory has two links, and one more for each directory in it.
        if stat.st_nlink != 2 && place.depth + 1 < LEVELS {
            self.visit_below(directory, id, Place { above_full: full, ..place }, tools);
        }
    }

    /// Visits the cgroups in a directory.
    fn visit_below(&mut self, directory: &OwnedFd, id: u64, place: Place<'_>, tools: &mut Tools<'_>) {
        let mut buffer = [MaybeUninit::uninit(); 2048];
        let Some(list) = open(directory, ".", OFlags::RDONLY | OFlags::DIRECTORY) else { return };
        let mut entries = RawDir::new(list, &mut buffer);
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name();
            if entry.file_type() != FileType::Directory || name.to_bytes().starts_with(b".") {
                continue;
            }
            let Some(below) = open(directory, name, OFlags::DIRECTORY | OFlags::PATH) else { continue };
            let depth = place.depth + 1;
            self.visit(&below, Place { parent: id, name: name.to_bytes(), depth, ..place }, tools);
        }
    }

    fn keep(
        &mut self,
        id: u64,
        place: Place<'_>,
        mut sample: Sample,
        read: Option<Own>,
        shared: &Shared,
        round: u32,
    ) {
        let mut table = shared.table();
        let begun_before = table.cgroup(id).is_some();
        if !begun_before && !table.add(begin(id, place, sample)) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let Some(cgroup) = table.cgroup_mut(id) else { return };
        cgroup.seen_round = round;
        if let Some(Own { limit, swap_limit, refaults }) = read {
            (cgroup.limit, cgroup.swap_limit) = (limit, swap_limit);
            (cgroup.read_usage, cgroup.read_round) = (sample.usage, round);
            cgroup.first_refaults = cgroup.first_refaults.or(refaults);
            let since = refaults.zip(cgroup.first_refaults).map(|(now, first)| now.saturating_sub(first));
            sample.refaults = since.map_or(u32::MAX, |count| u32::try_from(count).unwrap_or(u32::MAX - 1));
        }
        if begun_before {
            cgroup.series.push(sample);
        } else {
            cgroup.series = Series::new(sample);
        }
    }

    fn look_at_processes(&mut self, directory: &OwnedFd, id: u64, tools: &mut Tools<'_>) {
        let mut pids = std::mem::take(&mut self.pids);
        tools.files.pids(directory, &mut pids);
        for pid in pids.iter().filter(|pid| **pid > 0) {
            if tools.shared.is_deciding(tools.now.at_ns) {
                break;
            }
            tools.processes.look(tools.files, tools.shared, tools.now, (*pid, id));
        }
        self.pids = pids;
    }
}

fn begin(id: u64, place: Place<'_>, sample: Sample) -> Cgroup {
    Cgroup {
        id,
        parent: place.parent,
        name: place.name.into(),
        limit: Kib::ABSENT,
        swap_limit: Kib::ABSENT,
        first_refaults: None,
        series: Series::new(sample),
        read_usage: Kib::ABSENT,
        seen_round: 0,
        read_round: 0,
        approach: None,
    }
}

/// Whether a cgroup must be read in full: it is new, its usage has changed, or its turn has come.
fn is_due(tools: &Tools<'_>, id: u64, usage: Option<u64>) -> bool {
    let table = tools.shared.table();
    let Some(cgroup) = table.cgroup(id) else { return true };
    let turn = id.wrapping_add(u64::from(tools.now.round)).is_multiple_of(u64::from(ROUNDS));
    turn || has_changed(cgroup.read_usage.bytes(), usage)
}

fn has_changed(before: Option<u64>, now: Option<u64>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => before.abs_diff(now) >= (before / CHANGE_SHARE).max(CHANGE_BYTES),
        (None, None) => false,
        (None, Some(_)) | (Some(_), None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::has_changed;

    #[test]
    fn detects_a_change_by_share_or_bytes() {
        let mib = 1 << 20;
        assert!(has_changed(Some(0), Some(mib)) && has_changed(Some(mib), Some(0)));
        assert!(!has_changed(Some(1024 * mib), Some(1027 * mib)));
        assert!(has_changed(Some(1024 * mib), Some(1033 * mib)));
        assert!(!has_changed(None, None) && has_changed(None, Some(0)));
    }
}
