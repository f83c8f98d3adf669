//! Answers the check's questions about this machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use crate::{
    badness,
    experiment::{check::Ground, result::Machine},
    source::cgroup::cgroupfs::MemoryHierarchy,
};

/// This machine.
pub(super) struct Here {
    hierarchy: Option<MemoryHierarchy>,
    /// A cgroup to check for files.
    some_cgroup: Option<PathBuf>,
    /// The directory in which commands run.
    directory: PathBuf,
}

impl Here {
    pub(super) fn look(directory: &Path) -> Self {
        let hierarchy = MemoryHierarchy::find();
        let some_cgroup = hierarchy.as_ref().and_then(|hierarchy| a_cgroup(hierarchy.mount()));
        Self { hierarchy, some_cgroup, directory: directory.to_owned() }
    }

    pub(super) fn memory_hierarchy(&self) -> Option<&MemoryHierarchy> {
        self.hierarchy.as_ref()
    }
}

fn a_cgroup(mount: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(mount).ok()?.flatten();
    entries.map(|entry| entry.path()).find(|path| path.join("cgroup.procs").exists() && has_memory(path))
}

fn has_memory(cgroup: &Path) -> bool {
    ["memory.max", "memory.limit_in_bytes"].iter().any(|file| cgroup.join(file).exists())
}

impl Ground for Here {
    fn hierarchy(&self) -> Option<(&Path, &'static str)> {
        self.hierarchy.as_ref().map(|hierarchy| (hierarchy.mount(), hierarchy.name()))
    }

    fn cgroups_have(&self, file: &str) -> Option<bool> {
        self.some_cgroup.as_ref().map(|cgroup| cgroup.join(file).exists())
    }

    fn has(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn value(&self, path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    fn has_program(&self, program: &str) -> bool {
        if program.contains('/') {
            return is_program(&self.directory.join(program));
        }
        // The default search path.
        let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
        env::split_paths(&path).any(|directory| is_program(&self.directory.join(directory).join(program)))
    }

    /// Without CAP_SYS_RESOURCE, a process can only raise its value.
    /// <https://github.com/torvalds/linux/blob/v6.12/fs/proc/base.c#L1120> (`__set_oom_adj`)
    fn least_adj(&self) -> i16 {
        let may_lower = status_bit("CapEff", CAP_SYS_RESOURCE);
        let own = fs::read_to_string("/proc/self/oom_score_adj").ok().and_then(|adj| adj.trim().parse().ok());
        if may_lower { badness::ADJ_MIN } else { own.unwrap_or(0) }
    }

    fn available_bytes(&self) -> Option<u64> {
        meminfo("MemAvailable")
    }
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/capability.h#L288>
const CAP_SYS_RESOURCE: u32 = 24;

/// Whether a bit of a hexadecimal mask in `/proc/self/status` is set.
fn status_bit(name: &str, bit: u32) -> bool {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> bit & 1 == 1)
}

/// A line of `/proc/meminfo`, in bytes.
pub(super) fn meminfo(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The description of this machine for the result.
pub(super) fn machine(hierarchy: &MemoryHierarchy, tier: Option<String>) -> Machine {
    let uname = rustix::system::uname();
    Machine {
        host: uname.nodename().to_string_lossy().into_owned(),
        kernel: uname.release().to_string_lossy().into_owned(),
        tier,
        hierarchy: hierarchy.name().to_owned(),
        memory_bytes: meminfo("MemTotal"),
        swap_bytes: meminfo("SwapTotal"),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::Here;
    use crate::experiment::check::Ground as _;

    #[test]
    fn finds_only_programs_that_can_be_run() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a-service-of-mine");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        let here = Here::look(directory.path());
        assert!(!here.has_program("./a-service-of-mine"), "it is not executable");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(here.has_program("./a-service-of-mine") && here.has_program("sh"));
        assert!(
            !here.has_program("a-service-of-mine")
                && !here.has_program("/tmp")
                && !here.has_program("./other")
        );
    }
}
