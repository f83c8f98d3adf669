//! The processes of an announced cgroup, and which of them are the largest.

use std::{
    cmp::Reverse,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use oomtrace_common::limits::ARGUMENTS_BYTES;
use rustix::fs::CWD;

use super::directory::{children, contents};
use crate::{
    bytes::ByteString,
    context::{PREKILL_PROCESSES, PrekillProcess},
    kernel::clock,
    source::process::arguments,
};

/// Maximum number of cgroups whose processes are listed.
const CGROUPS: usize = 64;

/// Maximum number of processes whose memory is compared.
const COMPARED: usize = 1024;

/// Maximum time for the comparison, ns. The processes disappear meanwhile.
const COMPARED_NS: u64 = 50_000_000;

/// The processes of a cgroup and of those below it.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// The number; `None` if not all cgroups could be read.
    pub(super) total: Option<u64>,
    /// Their ids, at most [`COMPARED`].
    pids: Vec<i32>,
}

impl Listed {
    /// Lists the processes. Directories that appear or disappear meanwhile may be missing.
    pub(super) fn read(top: OwnedFd, buffer: &mut [u8]) -> Self {
        let mut listed = Self { total: Some(0), pids: Vec::new() };
        let mut waiting = vec![top];
        let mut room = CGROUPS;
        while let Some(directory) = waiting.pop() {
            let whole = room > 0
                && listed.add(directory.as_fd(), buffer)
                && children(directory.as_fd(), CGROUPS, &mut waiting);
            room = room.saturating_sub(1);
            if !whole {
                listed.total = None;
            }
            if room == 0 {
                break;
            }
        }
        if !waiting.is_empty() {
            listed.total = None;
        }
        listed
    }

    /// Adds the processes of one cgroup. Returns whether all of them were read.
    fn add(&mut self, directory: BorrowedFd<'_>, buffer: &mut [u8]) -> bool {
        let Some((text, whole)) = contents(directory, "cgroup.procs", buffer) else { return false };
        // The last line may have been cut off.
        let mut lines =
            text.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        let mut all = whole;
        for line in &mut lines {
            self.total = self.total.map(|total| total + 1);
            match std::str::from_utf8(line).ok().and_then(|line| line.parse().ok()) {
                Some(pid) if pid > 0 && self.pids.len() < COMPARED => self.pids.push(pid),
                Some(_) => {}
                None => all = false,
            }
        }
        all
    }

    /// Returns the largest processes that are still alive, and whether all were compared.
    pub(super) fn largest(&self, cmdlines: bool, buffer: &mut [u8]) -> (Vec<PrekillProcess>, bool) {
        let page_size = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        let until = clock::boot_ns().saturating_add(COMPARED_NS);
        let mut sizes = Vec::with_capacity(self.pids.len());
        for pid in &self.pids {
            if clock::boot_ns() >= until {
                break;
            }
            sizes.extend(resident_pages(*pid, buffer).map(|pages| (*pid, pages.saturating_mul(page_size))));
        }
        let all = self.total == u64::try_from(sizes.len()).ok();
        sizes.sort_unstable_by_key(|(pid, bytes)| (Reverse(*bytes), *pid));
        sizes.truncate(PREKILL_PROCESSES);
        (sizes.into_iter().map(|(pid, bytes)| process(pid, bytes, cmdlines, buffer)).collect(), all)
    }
}

/// The resident memory of a process in pages; `None` if it has none any more.
fn resident_pages(pid: i32, buffer: &mut [u8]) -> Option<u64> {
    let (text, _) = contents(CWD, &format!("/proc/{pid}/statm"), buffer)?;
    let resident = std::str::from_utf8(text).ok()?.split_ascii_whitespace().nth(1)?;
    resident.parse().ok().filter(|pages| *pages > 0)
}

fn process(pid: i32, rss_bytes: u64, cmdlines: bool, buffer: &mut [u8]) -> PrekillProcess {
    let comm = contents(CWD, &format!("/proc/{pid}/comm"), buffer)
        .map(|(comm, _)| ByteString::from(comm.strip_suffix(b"\n").unwrap_or(comm).to_vec()));
    let first = buffer.get_mut(..ARGUMENTS_BYTES).filter(|_| cmdlines);
    let text = first.and_then(|first| contents(CWD, &format!("/proc/{pid}/cmdline"), first));
    let cmdline =
        text.and_then(|(text, whole)| if whole { arguments::shown(text) } else { arguments::split(text) });
    PrekillProcess { pid, comm, rss_bytes, cmdline }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::fd::OwnedFd,
        path::Path,
    };

    use super::{CGROUPS, COMPARED, Listed};

    fn read(directory: &Path, buffer: usize) -> Listed {
        Listed::read(OwnedFd::from(File::open(directory).unwrap()), &mut vec![0; buffer])
    }

    #[test]
    fn counts_processes_below_and_says_if_it_cannot() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            fs::create_dir_all(directory.path().join(name)).unwrap();
            fs::write(directory.path().join(name).join("cgroup.procs"), text).unwrap();
        };
        write("", "");
        assert_eq!(read(directory.path(), 64).total, Some(0));
        write("a", "1\n22\n");
        write("a/b", "333\n");
        let listed = read(directory.path(), 64);
        assert_eq!((listed.total, listed.pids), (Some(3), vec![1, 22, 333]));
        assert_eq!(read(directory.path(), 4).total, None, "a file was cut off");
        write("a/c", "4\nx\n");
        assert_eq!(read(directory.path(), 64).total, None, "a line is no number");
        fs::remove_file(directory.path().join("a/c/cgroup.procs")).unwrap();
        assert_eq!(read(directory.path(), 64).total, None, "a file is missing");
        fs::remove_dir(directory.path().join("a/c")).unwrap();
        for number in 0..CGROUPS {
            write(&format!("many/{number}"), "");
        }
        assert_eq!(read(directory.path(), 64).total, None, "there are too many cgroups");
    }

    #[test]
    fn compares_a_limited_number_of_processes_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let own = std::process::id();
        let text = format!("{own}\n").repeat(COMPARED + 1);
        fs::write(directory.path().join("cgroup.procs"), &text).unwrap();
        let listed = read(directory.path(), 1 << 20);
        assert_eq!((listed.total, listed.pids.len()), (Some(1025), COMPARED));
        let (largest, all) = listed.largest(true, &mut [0; 4096]);
        assert!(!all && largest.len() == 16);
        assert!(largest[0].rss_bytes > 0 && largest[0].comm.is_some() && largest[0].cmdline.is_some());
        fs::write(directory.path().join("cgroup.procs"), format!("{own}\n{}\n", i32::MAX)).unwrap();
        let (largest, all) = read(directory.path(), 64).largest(false, &mut [0; 4096]);
        assert!(!all && largest.len() == 1 && largest[0].cmdline.is_none(), "one is dead: {largest:?}");
    }
}
