//! The table of the history. The sampling thread writes it; the tracing thread reads it after a decision.

use super::{
    approach::Approach,
    series::{Series, Timed},
};

/// Maximum number of cgroups that have a history.
pub(super) const MOST_CGROUPS: usize = 512;

/// Maximum number of processes that have a history.
pub(super) const MOST_PROCESSES: usize = 256;

/// An amount of memory in KiB, up to 4 TiB, or the fact that it was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kib(u32);

impl Kib {
    /// The value was not read.
    pub(super) const ABSENT: Self = Self(u32::MAX);

    /// Converts from bytes.
    pub(super) fn of(bytes: Option<u64>) -> Self {
        let kib = bytes.map(|bytes| u32::try_from(bytes / 1024).unwrap_or(u32::MAX - 1));
        kib.map_or(Self::ABSENT, |kib| Self(kib.min(u32::MAX - 1)))
    }

    /// Converts to bytes.
    pub(super) fn bytes(self) -> Option<u64> {
        (self != Self::ABSENT).then(|| u64::from(self.0) * 1024)
    }
}

/// The memory of a domain at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at_ns: u64,
    pub(super) usage: Kib,
    pub(super) anon: Kib,
    pub(super) file: Kib,
    pub(super) shmem: Kib,
    pub(super) kernel: Kib,
    pub(super) swap: Kib,
    /// Number of refaulted pages since the first sample; `u32::MAX` if not read.
    pub(super) refaults: u32,
    /// Memory pressure in thousandths; `u16::MAX` if not read.
    pub(super) stall: u16,
}

impl Sample {
    /// Creates a sample with nothing but the time.
    pub(super) const fn at(at_ns: u64) -> Self {
        let absent = Kib::ABSENT;
        Self {
            at_ns,
            usage: absent,
            anon: absent,
            file: absent,
            shmem: absent,
            kernel: absent,
            swap: absent,
            refaults: u32::MAX,
            stall: u16::MAX,
        }
    }

    /// Returns the usage without the page cache. If the page cache is not known, returns the whole usage.
    pub(super) fn held_bytes(&self) -> Option<u64> {
        Some(self.usage.bytes()?.saturating_sub(self.file.bytes().unwrap_or(0)))
    }
}

impl Timed for Sample {
    fn at_ns(&self) -> u64 {
        self.at_ns
    }
}

/// Resident memory of a process at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resident {
    pub(super) at_ns: u64,
    pub(super) bytes: Kib,
}

impl Timed for Resident {
    fn at_ns(&self) -> u64 {
        self.at_ns
    }
}

/// Total memory of the machine, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// `MemTotal`.
    pub(super) memory: Option<u64>,
    /// `SwapTotal`.
    pub(super) swap: Option<u64>,
}

/// A cgroup and its history.
#[derive(Debug)]
pub(super) struct Cgroup {
    /// Kernfs id.
    pub(super) id: u64,
    /// Kernfs id of the parent; 0 for the root of the mount.
    pub(super) parent: u64,
    /// The name; empty for the root of the mount.
    pub(super) name: Box<[u8]>,
    pub(super) limit: Kib,
    /// The swap that the cgroup may use; absent without a limit, and if the machine has no swap.
    pub(super) swap_limit: Kib,
    /// The count of refaults at the first sample that has one.
    pub(super) first_refaults: Option<u64>,
    pub(super) series: Series<Sample>,
    /// The usage when the cgroup's files were last read in full.
    pub(super) read_usage: Kib,
    /// The round in which the cgroup was last seen, and the round in which its files were last read in full.
    pub(super) seen_round: u32,
    pub(super) read_round: u32,
    /// The approach to the limit that was announced, if any.
    pub(super) approach: Option<Approach>,
}

/// A process and its history.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) start_ns: Option<u64>,
    pub(super) comm: [u8; 16],
    /// Kernfs id of its cgroup.
    pub(super) memcg: u64,
    pub(super) series: Series<Resident>,
}

/// All histories. The vectors have their full capacity from the start.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) begun_ns: u64,
    /// Time at which all cgroups were last listed.
    pub(super) listed_ns: Option<u64>,
    pub(super) left_out: u32,
    pub(super) machine: Option<Series<Sample>>,
    pub(super) totals: Totals,
    pub(super) approach: Option<Approach>,
    pub(super) cgroups: Vec<Cgroup>,
    /// The ids of the cgroups in the same order, so that a search touches little memory.
    ids: Vec<u64>,
    pub(super) processes: Vec<Process>,
}

impl Table {
    pub(super) fn new(begun_ns: u64) -> Self {
        Self {
            begun_ns,
            listed_ns: None,
            left_out: 0,
            machine: None,
            totals: Totals::default(),
            approach: None,
            cgroups: Vec::with_capacity(MOST_CGROUPS),
            ids: Vec::with_capacity(MOST_CGROUPS),
            processes: Vec::with_capacity(MOST_PROCESSES),
        }
    }

    pub(super) fn cgroup(&self, id: u64) -> Option<&Cgroup> {
        self.cgroups.get(self.ids.iter().position(|own| *own == id)?)
    }

    pub(super) fn cgroup_mut(&mut self, id: u64) -> Option<&mut Cgroup> {
        self.cgroups.get_mut(self.ids.iter().position(|own| *own == id)?)
    }

    /// Adds a new cgroup. Returns false if there is no room.
    pub(super) fn add(&mut self, cgroup: Cgroup) -> bool {
        let has_room = self.cgroups.len() < MOST_CGROUPS;
        if has_room {
            self.ids.push(cgroup.id);
            self.cgroups.push(cgroup);
        }
        has_room
    }

    /// Returns the cgroup and the cgroups above it, leaf first.
    pub(super) fn chain(&self, id: u64) -> Vec<&Cgroup> {
        let mut chain = Vec::new();
        let mut next = self.cgroup(id);
        while let Some(cgroup) = next.filter(|_| chain.len() < LEVELS) {
            chain.push(cgroup);
            next = self.cgroup(cgroup.parent);
        }
        chain
    }

    /// Returns the path of a cgroup below the mount.
    pub(super) fn path(&self, id: u64) -> Option<Vec<u8>> {
        let chain = self.chain(id);
        chain.last().filter(|root| root.parent == 0)?;
        let names = chain.iter().rev().skip(1).map(|cgroup| &*cgroup.name);
        let path = names.fold(Vec::new(), |path, name| [&path, b"/".as_slice(), name].concat());
        Some(if path.is_empty() { b"/".to_vec() } else { path })
    }

    /// Stores a sample of the machine.
    pub(super) fn keep_machine(&mut self, sample: Sample, totals: Totals) {
        self.totals = totals;
        match &mut self.machine {
            Some(series) => series.push(sample),
            None => self.machine = Some(Series::new(sample)),
        }
    }

    /// Ends a listing of all cgroups. Cgroups that were not seen in it no longer exist and are dropped.
    pub(super) fn end_round(&mut self, round: u32, listed_ns: Option<u64>, left_out: u32) {
        self.cgroups.retain(|cgroup| cgroup.seen_round == round);
        self.ids.clear();
        self.ids.extend(self.cgroups.iter().map(|cgroup| cgroup.id));
        self.listed_ns = listed_ns;
        self.left_out = left_out;
    }
}

/// Maximum number of levels of a path.
pub(super) const LEVELS: usize = 32;

#[cfg(test)]
mod tests {
    use super::{Cgroup, Kib, Sample, Series, Table};

    fn cgroup(id: u64, parent: u64, name: &str) -> Cgroup {
        Cgroup {
            id,
            parent,
            name: name.as_bytes().into(),
            limit: Kib::ABSENT,
            swap_limit: Kib::ABSENT,
            first_refaults: None,
            series: Series::new(Sample::at(1)),
            read_usage: Kib::ABSENT,
            seen_round: 1,
            read_round: 1,
            approach: None,
        }
    }

    #[test]
    fn distinguishes_absent_from_zero() {
        assert_eq!((Kib::of(None).bytes(), Kib::of(Some(0)).bytes()), (None, Some(0)));
        assert_eq!(Kib::of(Some(5000)).bytes(), Some(4096));
        assert!(Kib::of(Some(u64::MAX)).bytes().is_some());
    }

    #[test]
    fn builds_paths_from_names() {
        let mut table = Table::new(0);
        for (id, parent, name) in [(1, 0, ""), (5, 1, "a"), (6, 5, "b"), (8, 7, "c")] {
            assert!(table.add(cgroup(id, parent, name)));
        }
        let path = |id| table.path(id).map(|path| String::from_utf8(path).unwrap());
        assert_eq!([path(1), path(6)], [Some("/".to_owned()), Some("/a/b".to_owned())]);
        assert_eq!([path(8), path(9)], [None, None], "the way up is not known");
        table.add(cgroup(7, 8, "d"));
        assert_eq!(table.path(8), None, "a circle ends");
    }

    #[test]
    fn drops_cgroups_that_were_not_seen_in_a_round() {
        let mut table = Table::new(0);
        table.add(cgroup(1, 0, ""));
        table.add(Cgroup { seen_round: 2, ..cgroup(5, 1, "a") });
        table.end_round(2, Some(9), 3);
        assert_eq!((table.cgroups.len(), table.listed_ns, table.left_out), (1, Some(9), 3));
        assert!(table.cgroup(5).is_some() && table.cgroup(1).is_none());
    }
}
