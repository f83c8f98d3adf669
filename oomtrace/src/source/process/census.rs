//! All processes in procfs, in the order in which the kernel would evaluate them.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    bytes::ByteString,
    incident::{Counters, Task},
    kernel::pid_namespace::has_machines_pids,
    rank::{Census, Found},
    source::cgroup::{cgroupfs::MemoryHierarchy, memcg},
};

/// `PF_KTHREAD` in the ninth field of `/proc/PID/stat`.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched.h#L1706>
const PF_KTHREAD: u64 = 0x0020_0000;

/// Returns all processes of the machine, oldest first, in the order of `for_each_process`.
#[must_use]
pub fn machine(hierarchy: Option<&MemoryHierarchy>) -> Census {
    let mut pids: Vec<(u64, i32)> = pids().filter_map(|pid| Some((start_ticks(pid)?, pid))).collect();
    pids.sort_unstable();
    of(pids
        .into_iter()
        .map(|(_, pid)| (pid, hierarchy.and_then(|hierarchy| memcg::of_process(hierarchy, pid)))))
}

/// Returns all processes in a cgroup and below it.
/// The tree is walked from the top. In each cgroup the order is that of `cgroup.procs`, which is also the order of
/// `mem_cgroup_scan_tasks`. (v1 sorts that file, so that equal scores may be listed in the wrong order.)
#[must_use]
pub fn memcg(mount: &Path, path: &ByteString) -> Census {
    let below = memcg::subtree(mount, path);
    of(below.into_iter().flat_map(|(directory, path)| {
        members(&directory).into_iter().map(move |pid| (pid, Some(path.clone())))
    }))
}

fn of(processes: impl Iterator<Item = (i32, Option<ByteString>)>) -> Census {
    // Leave out oomtrace itself: it has exited before memory can run out.
    let own = i32::try_from(std::process::id()).ok();
    let processes = processes.filter(|(pid, _)| Some(*pid) != own);
    let mut census =
        Census { page_size: page_size(), in_pid_namespace: !has_machines_pids(), ..Census::default() };
    for (pid, cgroup) in processes {
        match task(pid, census.page_size) {
            Some(One::KernelThread) => census.kernel_threads += 1,
            Some(One::Process(task)) => census.found.push(Found { task: *task, cgroup }),
            // The process has exited in the meantime.
            None => {}
        }
    }
    census
}

fn page_size() -> u64 {
    u64::try_from(rustix::param::page_size()).unwrap_or(4096)
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Returns the processes of a cgroup, without those below it.
pub(in crate::source) fn members(directory: &Path) -> Vec<i32> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

enum One {
    KernelThread,
    Process(Box<Task>),
}

fn task(pid: i32, page_size: u64) -> Option<One> {
    if flags(pid)? & PF_KTHREAD != 0 {
        return Some(One::KernelThread);
    }
    let status = Status::read(Path::new(&format!("/proc/{pid}/status")))?;
    let comm = comm(pid)?;
    let adj = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).ok()?;
    Some(One::Process(Box::new(Task {
        pid: Some(pid),
        tid: Some(pid),
        comm: Some(comm),
        uid: status.uid(),
        oom_score_adj: adj.trim().parse().ok(),
        memory: status.counters(page_size).or_else(|| of_another_thread(pid, page_size)),
        ..Task::default()
    })))
}

/// Returns the name of a process.
pub(in crate::source) fn comm(pid: i32) -> Option<ByteString> {
    let comm = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(ByteString::from(comm.strip_suffix(b"\n").unwrap_or(&comm).to_vec()))
}

/// Returns the memory of a process whose leader has exited: the memory of the first thread that still has it, as in the kernel.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L134> (`find_lock_task_mm`)
fn of_another_thread(pid: i32, page_size: u64) -> Option<Counters> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    threads
        .filter_map(|thread| Status::read(&thread.path().join("status")))
        .find_map(|status| status.counters(page_size))
}

fn flags(pid: i32) -> Option<u64> {
    stat_field(pid, 9)
}

/// When a process started, in ticks of 10 ms since boot.
pub(in crate::source) fn start_ticks(pid: i32) -> Option<u64> {
    stat_field(pid, 22)
}

/// Returns a field of `/proc/PID/stat`, counted from one as in proc(5). The second field may contain anything, including
/// parentheses.
fn stat_field(pid: i32, number: usize) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

/// The values of `/proc/PID/status`, by name.
struct Status(BTreeMap<String, String>);

impl Status {
    fn read(path: &Path) -> Option<Self> {
        let text = String::from_utf8_lossy(&fs::read(path).ok()?).into_owned();
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        Some(Self(pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()))
    }

    fn uid(&self) -> Option<u32> {
        self.0.get("Uid")?.split_ascii_whitespace().next()?.parse().ok()
    }

    fn kib(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.strip_suffix(" kB")?.trim().parse().ok()
    }

    /// Returns the counters; `None` if the process has no address space.
    fn counters(&self, page_size: u64) -> Option<Counters> {
        let pages = |name| self.kib(name)?.checked_mul(1024)?.checked_div(page_size);
        Some(Counters {
            total_vm_pages: pages("VmSize")?,
            file_pages: pages("RssFile")?,
            anon_pages: pages("RssAnon")?,
            shmem_pages: pages("RssShmem")?,
            // The line is missing on a kernel without swap.
            swap_pages: pages("VmSwap").unwrap_or(0),
            pgtables_bytes: self.kib("VmPTE")?.checked_mul(1024)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{One, machine, stat_field, task};

    #[test]
    fn finds_other_processes_and_leaves_itself_out() {
        let own = i32::try_from(std::process::id()).unwrap();
        let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap();
        let census = machine(None);
        assert!(census.found.iter().any(|found| found.task.pid == Some(parent)));
        assert!(census.found.iter().all(|found| found.task.pid != Some(own)));
        let Some(One::Process(task)) = task(own, census.page_size) else { panic!("not found") };
        let memory = task.memory.unwrap();
        assert!(memory.anon_pages > 0 && memory.file_pages > 0 && memory.pgtables_bytes > 0);
        assert!(task.comm.is_some() && task.oom_score_adj.is_some() && task.uid.is_some());
        assert!(stat_field(own, 22).is_some_and(|ticks| ticks > 0));
    }
}
