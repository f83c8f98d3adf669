//! Reads an announced cgroup while its processes are alive.

use std::os::fd::{AsFd as _, OwnedFd};

use super::{directory, processes::Listed};
use crate::{
    bytes::ByteString,
    context::{Prekill, Snapshot},
    kernel::{clock, pid_namespace::has_machines_pids},
    source::{cgroup::pressure, process::census},
};

/// Bytes of a file that are read. Files of a cgroup are shorter, except for the list of more than eight thousand processes.
const BUFFER_BYTES: usize = 64 << 10;

/// Makes an announcement of a call. What it needs is open from the start.
pub struct Announcer {
    mount: Option<OwnedFd>,
    sees_pids: bool,
}

impl Announcer {
    /// Opens the memory hierarchy.
    #[must_use]
    pub fn open() -> Self {
        Self { mount: directory::mount(), sees_pids: has_machines_pids() }
    }

    /// An announcement that arrived at this time from this process, and the cgroup if it exists.
    #[must_use]
    pub fn announced(&self, announced_ns: u64, cgroup: &str, pid: Option<i32>) -> (Prekill, Option<OwnedFd>) {
        let opened = self.mount.as_ref().and_then(|mount| directory::open(mount.as_fd(), cgroup.as_bytes()));
        let (directory, memcg) = opened.unzip();
        let pid = pid.filter(|_| self.sees_pids);
        let comm = pid.and_then(census::comm);
        let cgroup = ByteString::from(cgroup);
        (Prekill { announced_ns, cgroup, memcg, pid, comm, snapshot: None }, directory)
    }
}

/// Reads cgroups. What it needs is allocated from the start.
pub struct PrekillReader {
    buffer: Vec<u8>,
    cmdlines: bool,
    sees_pids: bool,
}

impl PrekillReader {
    /// `cmdlines`: whether command lines may be read.
    #[must_use]
    pub fn new(cmdlines: bool) -> Self {
        Self { buffer: vec![1; BUFFER_BYTES], cmdlines, sees_pids: has_machines_pids() }
    }

    /// Reads a cgroup: first what disappears first. `None` if the directory has no file of a cgroup.
    #[must_use]
    pub fn snapshot(&mut self, cgroup: OwnedFd) -> Option<Snapshot> {
        if !directory::has(cgroup.as_fd(), "cgroup.procs") {
            return None;
        }
        let again = cgroup.try_clone().ok()?;
        let from_ns = clock::boot_ns();
        let usage_bytes =
            self.number(&again, "memory.current").or_else(|| self.number(&again, "memory.usage_in_bytes"));
        let listed = Listed::read(cgroup, &mut self.buffer);
        let (processes, all_compared) = if self.sees_pids {
            listed.largest(self.cmdlines, &mut self.buffer)
        } else {
            (Vec::new(), false)
        };
        let mut snapshot = Snapshot { from_ns, usage_bytes, all_compared, processes, ..Snapshot::default() };
        snapshot.processes_total = listed.total;
        self.add_figures(&again, &mut snapshot);
        snapshot.to_ns = clock::boot_ns();
        Some(snapshot)
    }

    fn add_figures(&mut self, cgroup: &OwnedFd, snapshot: &mut Snapshot) {
        snapshot.swap_bytes = self.number(cgroup, "memory.swap.current");
        let stat = self.text(cgroup, "memory.stat").unwrap_or_default();
        // v1 has both: the cgroup's own figure, and with `total_` that with all cgroups below.
        let figure = |v1: &str, v2: &str| pressure::number(stat, v1).or_else(|| pressure::number(stat, v2));
        snapshot.anon_bytes = figure("total_rss", "anon");
        snapshot.file_bytes = figure("total_cache", "file");
        snapshot.shmem_bytes = figure("total_shmem", "shmem");
        snapshot.stall = self.text(cgroup, "memory.pressure").and_then(pressure::parse_stall);
    }

    fn number(&mut self, cgroup: &OwnedFd, name: &str) -> Option<u64> {
        self.text(cgroup, name)?.trim_end().parse().ok()
    }

    fn text(&mut self, cgroup: &OwnedFd, name: &str) -> Option<&str> {
        let (text, _) = directory::contents(cgroup.as_fd(), name, &mut self.buffer)?;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::fd::OwnedFd,
    };

    use super::{Announcer, PrekillReader};
    use crate::context::Stall;

    #[test]
    fn reads_the_figures_of_both_hierarchies_and_leaves_absent_what_is_absent() {
        let directory = tempfile::tempdir().unwrap();
        let open = || OwnedFd::from(File::open(directory.path()).unwrap());
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        let mut reader = PrekillReader::new(true);
        assert_eq!(reader.snapshot(open()), None);
        write("cgroup.procs", "");
        let nothing = reader.snapshot(open()).unwrap();
        assert_eq!((nothing.usage_bytes, nothing.anon_bytes, nothing.stall), (None, None, None));
        assert_eq!(nothing.processes_total, Some(0));
        write("memory.current", "70\n");
        write("memory.swap.current", "3\n");
        write("memory.stat", "anon 40\nfile 20\nshmem 5\n");
        write("memory.pressure", "some avg10=12.50 avg60=0.00\nfull avg10=2.00 avg60=0.00\n");
        let v2 = reader.snapshot(open()).unwrap();
        assert_eq!((v2.usage_bytes, v2.swap_bytes), (Some(70), Some(3)));
        assert_eq!([v2.anon_bytes, v2.file_bytes, v2.shmem_bytes], [Some(40), Some(20), Some(5)]);
        assert_eq!(v2.stall, Some(Stall { some_avg10: 12.5, full_avg10: Some(2.0) }));
        write("memory.stat", "rss 1\nshmem 1\ntotal_rss 41\ntotal_cache 21\ntotal_shmem 6\n");
        let v1 = reader.snapshot(open()).unwrap();
        assert_eq!([v1.anon_bytes, v1.file_bytes, v1.shmem_bytes], [Some(41), Some(21), Some(6)]);
    }

    #[test]
    fn an_announcement_of_a_cgroup_that_does_not_exist_has_no_id() {
        let announcer = Announcer::open();
        let own = i32::try_from(std::process::id()).unwrap();
        let (told, directory) = announcer.announced(5, "/oomtrace-none/such", Some(own));
        assert!(told.memcg.is_none() && directory.is_none());
        assert_eq!((told.announced_ns, told.cgroup), (5, "/oomtrace-none/such".into()));
        assert_eq!(told.comm.is_some(), told.pid.is_some());
    }
}
