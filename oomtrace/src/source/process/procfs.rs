//! Reads facts about a process or the machine from procfs while they are available.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::{ffi::OsStringExt as _, fs::FileExt as _},
};

use super::arguments;
use crate::{
    bytes::ByteString,
    context::{Machine, Process, Sysctl},
};

/// Returns a process without any facts.
#[must_use]
pub(crate) const fn unknown(pid: i32, tid: i32, start_boot_ns: Option<u64>, now_ns: u64) -> Process {
    Process { pid, tid, start_boot_ns, cmdline: None, exe: None, looked_up_ns: now_ns }
}

/// Returns the arguments of a process, if they are still complete.
#[must_use]
pub(crate) fn cmdline(pid: i32) -> Option<Vec<ByteString>> {
    arguments::shown(&fs::read(format!("/proc/{pid}/cmdline")).ok()?)
}

/// Returns the path of a process's executable.
#[must_use]
pub(crate) fn exe(pid: i32) -> Option<ByteString> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(ByteString::from(path.into_os_string().into_vec()))
}

/// Reads the sysctls that matter to a decision.
#[must_use]
pub(crate) fn sysctl() -> Sysctl {
    Sysctl {
        oom_kill_allocating_task: number("oom_kill_allocating_task"),
        panic_on_oom: number("panic_on_oom"),
        overcommit_memory: number("overcommit_memory"),
    }
}

/// Settings below `/proc/sys/vm` that affect running out of memory.
const SYSCTLS: [&str; 15] = [
    "admin_reserve_kbytes",
    "min_free_kbytes",
    "oom_dump_tasks",
    "oom_kill_allocating_task",
    "overcommit_kbytes",
    "overcommit_memory",
    "overcommit_ratio",
    "panic_on_oom",
    "swappiness",
    "user_reserve_kbytes",
    "vfs_cache_pressure",
    "watermark_boost_factor",
    "watermark_scale_factor",
    "zone_reclaim_mode",
    "page-cluster",
];

/// Returns all settings that affect running out of memory, by name: those that this kernel has and that are readable.
#[must_use]
pub(crate) fn sysctls() -> BTreeMap<String, i64> {
    SYSCTLS.iter().filter_map(|name| Some(((*name).to_owned(), number(name)?))).collect()
}

/// Reads how much memory the machine has left.
/// It allocates nothing after the first read, because there may be no memory to allocate: the file stays open, and the kernel
/// keeps the buffer of an open file.
#[derive(Debug)]
pub(crate) struct MachineGauge {
    meminfo: Option<File>,
}

impl MachineGauge {
    /// Number of bytes of `/proc/meminfo` that are read from its start: `MemAvailable` is its third line.
    const BEGINNING: usize = 256;

    /// Opens the file and reads it once.
    #[must_use]
    pub(crate) fn open() -> Self {
        let gauge = Self { meminfo: File::open("/proc/meminfo").ok() };
        let _ = gauge.read();
        gauge
    }

    /// Reads the machine's memory.
    #[must_use]
    pub(crate) fn read(&self) -> Machine {
        let info = rustix::system::sysinfo();
        let bytes = |count: u64| count.saturating_mul(u64::from(info.mem_unit));
        Machine {
            free_bytes: bytes(info.freeram),
            total_bytes: bytes(info.totalram),
            available_bytes: self.available_bytes(),
        }
    }

    fn available_bytes(&self) -> Option<u64> {
        let mut text = [0; Self::BEGINNING];
        let read = self.meminfo.as_ref()?.read_at(&mut text, 0).ok()?;
        let text = std::str::from_utf8(text.get(..read)?).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    }
}

fn number(name: &str) -> Option<i64> {
    fs::read_to_string(format!("/proc/sys/vm/{name}")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{MachineGauge, cmdline, exe};

    #[test]
    fn reads_the_available_memory() {
        let machine = MachineGauge::open().read();
        let available = machine.available_bytes.unwrap();
        assert!(available > 0 && available < machine.total_bytes && machine.free_bytes < machine.total_bytes);
    }

    #[test]
    fn reads_the_arguments_and_executable_of_this_test() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(cmdline(pid).is_some_and(|cmdline| !cmdline.is_empty()));
        assert!(exe(pid).is_some());
        assert_eq!((cmdline(i32::MAX), exe(i32::MAX)), (None, None));
    }
}
