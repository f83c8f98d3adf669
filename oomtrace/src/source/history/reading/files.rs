//! Reads the files of procfs and cgroupfs for a sample into one buffer, without a copy.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};

/// Size of the buffer for one file. `memory.stat` of v1 is the longest: 3 KiB.
const BYTES: usize = 16 << 10;

/// Reads files one after the other.
pub(in crate::source::history) struct Files {
    buffer: Vec<u8>,
}

/// The parts of a cgroup's memory in `memory.stat`, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::source::history) struct Parts {
    pub(in crate::source::history) anon: Option<u64>,
    pub(in crate::source::history) file: Option<u64>,
    pub(in crate::source::history) shmem: Option<u64>,
    pub(in crate::source::history) kernel: Option<u64>,
    /// Swap, on v1 only. v2 has a separate file.
    pub(in crate::source::history) swap: Option<u64>,
    /// Number of refaults, pages.
    pub(in crate::source::history) refaults: Option<u64>,
}

impl Files {
    pub(in crate::source::history) fn new() -> Self {
        // Not zeros: only pages that were written are in memory.
        Self { buffer: vec![b'\n'; BYTES] }
    }

    /// Reads a file in a directory; `None` if it cannot be read.
    pub(in crate::source::history) fn read(&mut self, directory: impl AsFd, name: &str) -> Option<&[u8]> {
        let file = open(directory, name, OFlags::RDONLY)?;
        self.rest(&file)
    }

    /// Reads an open file again from its start.
    pub(in crate::source::history) fn again(&mut self, file: &OwnedFd) -> Option<&[u8]> {
        rustix::fs::seek(file, rustix::fs::SeekFrom::Start(0)).ok()?;
        self.rest(file)
    }

    fn rest(&mut self, file: &OwnedFd) -> Option<&[u8]> {
        let mut len = 0;
        while let Some(room) = self.buffer.get_mut(len..).filter(|room| !room.is_empty()) {
            match rustix::io::read(file, room).ok()? {
                0 => break,
                read => len += read,
            }
        }
        self.buffer.get(..len)
    }

    /// Reads a file with a single number; `None` also if the file contains `max`.
    pub(in crate::source::history) fn number(&mut self, directory: impl AsFd, name: &str) -> Option<u64> {
        number(self.read(directory, name)?)
    }

    /// Reads the process ids in `cgroup.procs`, up to the capacity of `pids`.
    pub(in crate::source::history) fn pids(&mut self, directory: impl AsFd, pids: &mut Vec<i32>) {
        pids.clear();
        let Some(text) = self.read(directory, "cgroup.procs") else { return };
        let room = pids.capacity();
        // The last line may be cut off.
        pids.extend(lines(whole_lines(text)).filter_map(|line| i32::try_from(number(line)?).ok()).take(room));
    }
}

/// Returns the text up to the last end of line.
fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Opens a file or directory below another one, never through a symbolic link.
pub(in crate::source::history) fn open(
    directory: impl AsFd,
    name: impl rustix::path::Arg,
    flags: OFlags,
) -> Option<OwnedFd> {
    openat(directory, name, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty()).ok()
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b':')).filter(|word| !word.is_empty())
}

pub(in crate::source::history) fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// Returns the name and number at the beginning of each line.
pub(in crate::source::history) fn figures(text: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    lines(text).filter_map(|line| {
        let mut words = words(line);
        Some((words.next()?, number(words.next()?)?))
    })
}

/// Parses the parts in `memory.stat`. On v1, the names with `total_` include the cgroups below, and come after the others.
pub(in crate::source::history) fn parts(stat: &[u8]) -> Parts {
    let mut parts = Parts::default();
    let [mut inactive, mut active, mut refault_anon, mut refault_file] = [None; 4];
    let [mut stack, mut slab, mut tables] = [None; 3];
    for (name, figure) in figures(stat) {
        let figure = Some(figure);
        match name.strip_prefix(b"total_").unwrap_or(name) {
            b"anon" | b"rss" => parts.anon = figure,
            b"inactive_file" => inactive = figure,
            b"active_file" => active = figure,
            b"shmem" => parts.shmem = figure,
            b"kernel" => parts.kernel = figure,
            b"kernel_stack" => stack = figure,
            b"slab" => slab = figure,
            b"pagetables" => tables = figure,
            b"swap" => parts.swap = figure,
            b"workingset_refault" | b"workingset_refault_file" => refault_file = figure,
            b"workingset_refault_anon" => refault_anon = figure,
            _ => {}
        }
    }
    let sum = |first: Option<u64>, second: Option<u64>| Some(first?.saturating_add(second?));
    parts.file = sum(inactive, active);
    // `kernel` exists since 5.18, `pagetables` since 5.11.
    parts.kernel = parts.kernel.or_else(|| Some(sum(stack, slab)?.saturating_add(tables.unwrap_or(0))));
    parts.refaults = refault_file.map(|file: u64| file.saturating_add(refault_anon.unwrap_or(0)));
    parts
}

/// Returns `avg10` of the line `some` of a pressure file, in thousandths.
pub(in crate::source::history) fn stall_permille(text: &[u8]) -> Option<u16> {
    let line = lines(text).find(|line| line.starts_with(b"some "))?;
    let average = line.split(|byte| *byte == b' ').find_map(|word| word.strip_prefix(b"avg10="))?;
    let (whole, hundredths) = std::str::from_utf8(average).ok()?.split_once('.')?;
    let (whole, hundredths): (u16, u16) = (whole.parse().ok()?, hundredths.parse().ok()?);
    Some(whole.checked_mul(10)?.saturating_add(hundredths / 10))
}

/// Returns the resident pages from `statm`.
pub(in crate::source::history) fn resident_pages(statm: &[u8]) -> Option<u64> {
    number(words(statm).nth(1)?)
}

/// Returns the name and start time (in ticks) of a process from `stat`. The name is in parentheses and may contain any
/// character.
pub(in crate::source::history) fn name_and_start(stat: &[u8]) -> Option<([u8; 16], u64)> {
    let begin = stat.iter().position(|byte| *byte == b'(')?;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut comm = [0; 16];
    let name = stat.get(begin + 1..end)?;
    comm.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    // The start time is field 22. Field 3 follows the name.
    let start = number(words(stat.get(end + 1..)?).nth(22 - 3)?)?;
    Some((comm, start))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::{Files, Parts, name_and_start, parts, resident_pages, stall_permille};

    #[test]
    fn reads_the_parts_of_both_hierarchies() {
        let v2 =
            b"anon 100\nfile 900\nkernel 70\nkernel_stack 1\nshmem 20\ninactive_file 30\nactive_file 40\n\
                   workingset_refault_anon 5\nworkingset_refault_file 6\n";
        let expected = Parts {
            anon: Some(100),
            file: Some(70),
            shmem: Some(20),
            kernel: Some(70),
            swap: None,
            refaults: Some(11),
        };
        assert_eq!(parts(v2), expected);
        let v1 = b"cache 9\nrss 1\nshmem 0\ninactive_file 1\nactive_file 1\nhierarchical_memory_limit 7\n\
                   total_rss 100\ntotal_shmem 20\ntotal_inactive_file 30\ntotal_active_file 40\ntotal_swap 8\n";
        assert_eq!(parts(v1), Parts { kernel: None, swap: Some(8), refaults: None, ..expected });
        assert_eq!(parts(b"kernel_stack 1\nslab 2\n").kernel, Some(3), "before 5.11");
        assert_eq!(parts(b"anon x\n\n \n"), Parts::default());
    }

    #[test]
    fn parses_pressure_in_thousandths() {
        let text = b"some avg10=12.34 avg60=0.00 avg300=0.00 total=1\nfull avg10=1.00\n";
        assert_eq!(stall_permille(text), Some(123));
        assert_eq!((stall_permille(b"some avg10=x"), stall_permille(b"")), (None, None));
    }

    #[test]
    fn parses_a_name_with_parentheses() {
        let stat = b"12 (a) R 1 (b) c) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 4096 7";
        let (comm, start) = name_and_start(stat).unwrap();
        assert_eq!((&comm[..10], start), (&b"a) R 1 (b)"[..], 98_765));
        assert_eq!(name_and_start(b"12 (a"), None);
        assert_eq!((resident_pages(b"9 7 1 1 0 2 0\n"), resident_pages(b"9")), (Some(7), None));
    }

    #[test]
    fn reads_this_process() {
        let directory = File::open("/proc/self").unwrap();
        let mut files = Files::new();
        assert!(resident_pages(files.read(&directory, "statm").unwrap()).unwrap() > 0);
        assert!(name_and_start(files.read(&directory, "stat").unwrap()).is_some());
        assert!(files.read(&directory, "exe").is_none(), "a symbolic link");
    }

    #[test]
    fn ignores_a_cut_off_process_id() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cgroup.procs"), "12\n345\n67").unwrap();
        let mut pids = Vec::with_capacity(9);
        Files::new().pids(File::open(directory.path()).unwrap(), &mut pids);
        assert_eq!(pids, [12, 345]);
    }
}
