//! Reads `memory.stat` of the memory cgroup that ran out, right after the decision.
//! Only this file shows memory that belongs to no process: files in tmpfs, slab, socket buffers.

use std::{
    collections::BTreeMap,
    fs,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::Path,
};

use oomtrace_common::{
    event::{Emptiness, EmptyPasses, Memcg, OutOfMemory},
    frame::Kind,
};
use rustix::fs::{CWD, Mode, OFlags, openat};
use zerocopy::FromBytes as _;

use super::{cgroupfs::MemoryHierarchy, kernfs, memcg};
use crate::context::MemoryStat;

/// Size of the buffer for the file. The file of v1 is the longest: 3 KiB.
const BYTES: usize = 16 << 10;

/// Number of pages by which a full cgroup may be below its limit, because the kernel charges this many pages at once.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/memcontrol.h#L31> (`MEMCG_CHARGE_BATCH`)
const CHARGE_BATCH_PAGES: u64 = 64;

/// Time within which the threads of a victim are marked one by one, ns. Each mark has the same cgroups.
const MARKS_NS: u64 = 100_000_000;

/// The cgroup that a mark outside of all passes belongs to, as far as its levels show it: the first one at its limit.
/// The levels above the trigger come first, leaf first, followed by those above the victim.
#[derive(Debug, Default)]
pub(in crate::source) struct FullLevel {
    full: Option<u64>,
    /// The cgroup that was returned last, and the time, `CLOCK_BOOTTIME` ns.
    taken: Option<(u64, u64)>,
}

impl FullLevel {
    /// Processes a level. A signal comes before its mark and the levels, so levels from before the signal are dropped.
    pub(in crate::source) fn note(&mut self, kind: u16, payload: &[u8]) {
        match Kind::from_number(kind) {
            Some(Kind::Sigkill) => self.full = None,
            Some(Kind::Memcg) => {
                let level = Memcg::read_from_prefix(payload).ok().map(|(level, _)| level);
                self.full = self.full.or_else(|| level.filter(is_full).map(|level| level.id));
            }
            _ => {}
        }
    }

    /// Returns the level of a mark; `None` if there is none, or if it was returned just before.
    pub(in crate::source) fn take(&mut self, now_ns: u64) -> Option<u64> {
        let full = self.full.take()?;
        let again = |(memcg, at): (u64, u64)| memcg == full && now_ns.saturating_sub(at) < MARKS_NS;
        if self.taken.is_some_and(again) {
            return None;
        }
        self.taken = Some((full, now_ns));
        Some(full)
    }
}

fn is_full(level: &Memcg) -> bool {
    let near = |bit, usage: u64, max: u64| {
        level.present & bit != 0 && max.saturating_sub(usage) < CHARGE_BATCH_PAGES
    };
    near(Memcg::COUNTERS, level.usage_pages, level.max_pages)
        || (level.hierarchy != 0 && near(Memcg::SWAP, level.swap_usage_pages, level.swap_max_pages))
}

/// Reads `memory.stat` of any cgroup, into memory that is allocated at the start.
pub struct MemoryStats {
    mount: Option<OwnedFd>,
    own: Vec<u64>,
    buffer: Vec<u8>,
}

impl MemoryStats {
    /// Opens the hierarchy that has the memory controller. Without one, nothing is read.
    /// Nothing is read in a cgroup namespace either: there, the cgroups above the visible root cannot be recognized.
    #[must_use]
    pub fn new(hierarchy: Option<&MemoryHierarchy>) -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = |hierarchy: &MemoryHierarchy| openat(CWD, hierarchy.mount(), flags, Mode::empty()).ok();
        // Not zeros: only pages that were written are in memory.
        Self {
            mount: hierarchy.and_then(open).filter(kernfs::is_whole),
            own: hierarchy.map(own_levels).unwrap_or_default(),
            buffer: vec![b'\n'; BYTES],
        }
    }

    /// Returns the values for the cgroup with this kernfs id.
    /// `None` if the cgroup no longer exists, or if this process may not open cgroups by their id (`CAP_DAC_READ_SEARCH`).
    /// Also `None` if the cgroup contains this process: the read would be charged to the cgroup, which has no memory left.
    pub fn of(&mut self, memcg: u64) -> Option<MemoryStat> {
        if self.own.contains(&memcg) {
            return None;
        }
        let directory = kernfs::open(self.mount.as_ref()?, memcg, OFlags::RDONLY).ok()?;
        let file = openat(directory, "memory.stat", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let mut len = 0;
        while let Some(room) = self.buffer.get_mut(len..).filter(|room| !room.is_empty()) {
            match rustix::io::read(&file, room).ok()? {
                0 => break,
                read => len += read,
            }
        }
        Some(MemoryStat { memcg, stat: figures(self.buffer.get(..len)?) })
    }
}

/// Returns the cgroup that ran out, from a frame: once for each pass, and once for each run of passes that find no process to
/// kill.
pub(in crate::source) fn domain(kind: u16, payload: &[u8]) -> Option<u64> {
    match Kind::from_number(kind) {
        Some(Kind::OutOfMemory) => {
            let (entry, _) = OutOfMemory::read_from_prefix(payload).ok()?;
            (entry.flags & OutOfMemory::MEMCG != 0).then_some(entry.memcg)
        }
        Some(Kind::EmptyPasses) => {
            let (run, _) = EmptyPasses::read_from_prefix(payload).ok()?;
            let begins = run.count == 1 && run.emptiness == NOTHING_TO_KILL;
            (begins && run.flags & OutOfMemory::MEMCG != 0).then_some(run.memcg)
        }
        _ => None,
    }
}

#[expect(clippy::as_conversions, reason = "the discriminants are the numbers, and `repr(u32)` holds them")]
pub(in crate::source) const NOTHING_TO_KILL: u32 = Emptiness::NothingToKill as u32;

/// Reads `memory.stat` in a directory; `None` if it cannot be read.
#[must_use]
pub fn read(directory: &Path) -> Option<BTreeMap<String, u64>> {
    fs::read(directory.join("memory.stat")).ok().map(|text| figures(&text))
}

/// Parses lines of a name and a number. A torn last line is left out.
fn figures(text: &[u8]) -> BTreeMap<String, u64> {
    let whole =
        text.iter().rposition(|byte| *byte == b'\n').and_then(|end| text.get(..end)).unwrap_or_default();
    let figure = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    std::str::from_utf8(whole).unwrap_or_default().lines().filter_map(figure).collect()
}

/// Returns the kernfs ids of the cgroups that contain this process, up to the mount. A directory's inode number is its id.
fn own_levels(hierarchy: &MemoryHierarchy) -> Vec<u64> {
    let own = i32::try_from(std::process::id()).ok().and_then(|pid| memcg::of_process(hierarchy, pid));
    let Some(directory) = own.map(|path| memcg::directory(hierarchy.mount(), &path)) else {
        return Vec::new();
    };
    let levels = directory.ancestors().take_while(|level| level.starts_with(hierarchy.mount()));
    levels.filter_map(|level| Some(fs::metadata(level).ok()?.ino())).collect()
}

#[cfg(test)]
mod tests {
    use oomtrace_common::{
        event::{EmptyPasses, Memcg, OutOfMemory, Sigkill},
        frame::{Kind, Wire as _},
    };
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::{FullLevel, MARKS_NS, MemoryStats, domain, figures};
    use crate::source::cgroup::cgroupfs::MemoryHierarchy;

    #[test]
    fn ignores_a_torn_last_line() {
        let stat = figures(b"anon 4096\nshmem 0\nodd\nnegative -1\npgfault 12\nanon_thp 20");
        let names: Vec<(&str, u64)> = stat.iter().map(|(name, number)| (name.as_str(), *number)).collect();
        assert_eq!(names, [("anon", 4096), ("pgfault", 12), ("shmem", 0)]);
        assert!(figures(b"").is_empty() && figures(b"anon 4096").is_empty());
    }

    #[test]
    fn returns_a_domain_once_per_pass_and_run() {
        let mut entry = OutOfMemory::new_zeroed();
        entry.memcg = 7;
        let kind = OutOfMemory::KIND.number();
        assert_eq!(domain(kind, entry.as_bytes()), None, "the machine ran out");
        entry.flags = OutOfMemory::MEMCG;
        assert_eq!(domain(kind, entry.as_bytes()), Some(7));
        assert_eq!(domain(kind, &entry.as_bytes()[..9]), None);
        let mut run = EmptyPasses::new_zeroed();
        (run.memcg, run.count, run.emptiness, run.flags) = (8, 1, 1, OutOfMemory::MEMCG);
        let of_run = |run: EmptyPasses| domain(EmptyPasses::KIND.number(), run.as_bytes());
        assert_eq!(of_run(run), Some(8));
        assert_eq!(of_run(EmptyPasses { count: 2, ..run }), None);
        assert_eq!(of_run(EmptyPasses { emptiness: 2, ..run }), None, "somebody is dying");
        assert_eq!(domain(Kind::Exit.number(), entry.as_bytes()), None);
    }

    fn level(id: u64, usage_pages: u64, max_pages: u64) -> Memcg {
        Memcg { id, usage_pages, max_pages, present: Memcg::COUNTERS, ..Memcg::new_zeroed() }
    }

    #[test]
    fn returns_the_first_level_at_its_limit() {
        let mut full = FullLevel::default();
        let note = |full: &mut FullLevel, level: Memcg| full.note(Memcg::KIND.number(), level.as_bytes());
        note(&mut full, level(9, 100, 100));
        full.note(Sigkill::KIND.number(), Sigkill::new_zeroed().as_bytes());
        assert_eq!(full.take(0), None, "a level of an earlier signal");
        for level in [level(7, 10, 100), level(8, 70, 100), level(9, 100, 100)] {
            note(&mut full, level);
        }
        assert_eq!((full.take(1), full.take(1)), (Some(8), None));
        note(&mut full, level(8, 100, 100));
        assert_eq!(full.take(MARKS_NS), None, "a thread of the same victim");
        note(&mut full, level(8, 100, 100));
        assert_eq!(full.take(2 + MARKS_NS), Some(8));
        let memsw = Memcg { hierarchy: 1, present: Memcg::SWAP, swap_max_pages: 9, ..level(6, 0, 1000) };
        note(&mut full, memsw);
        full.note(Memcg::KIND.number(), b"torn");
        assert_eq!(full.take(3 + MARKS_NS), Some(6), "memory and swap together");
    }

    #[test]
    fn reads_nothing_without_a_hierarchy() {
        assert_eq!(MemoryStats::new(None).of(1), None);
    }

    #[test]
    fn skips_its_own_cgroups() {
        let Some(hierarchy) = MemoryHierarchy::find() else { return };
        let mut stats = MemoryStats::new(Some(&hierarchy));
        let own = stats.own.clone();
        assert!(!own.is_empty(), "a process is in some cgroup");
        assert!(own.into_iter().all(|level| stats.of(level).is_none()));
    }
}
