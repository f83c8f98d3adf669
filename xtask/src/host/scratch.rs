//! Scratch cgroups for real kills on this machine. They are memory cgroups, so the machine itself never runs out.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};

/// The files for the limits of memory and swap. Swap would only delay a kill. On v2 it is counted separately, on v1 together
/// with memory.
const LIMITS: [(&str, &str, bool); 2] = [
    ("memory.max", "memory.swap.max", false),
    ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", true),
];

/// The directory where limited cgroups can be created: the first mounted memory hierarchy, v1 or v2.
pub(crate) fn hierarchy() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts
        .lines()
        .find_map(memory_hierarchy)
        .filter(|mount| Scratch::new(mount, b"oomtrace-probe", 1 << 20).is_ok())
}

/// The mount point of a memory hierarchy in a line of `/proc/self/mounts`.
fn memory_hierarchy(line: &str) -> Option<PathBuf> {
    let mut fields = line.split(' ').skip(1);
    let (mount, kind, options) = (Path::new(fields.next()?), fields.next()?, fields.next()?);
    let has_memory = match kind {
        "cgroup" => options.split(',').any(|option| option == "memory"),
        "cgroup2" => {
            let controllers = fs::read_to_string(mount.join("cgroup.subtree_control")).unwrap_or_default();
            controllers.split_whitespace().any(|controller| controller == "memory")
        }
        _ => false,
    };
    has_memory.then(|| mount.to_owned())
}

/// A cgroup with a limit, removed when dropped.
pub(crate) struct Scratch {
    pub(crate) path: PathBuf,
}

impl Scratch {
    /// Creates a cgroup with this name.
    pub(crate) fn new(hierarchy: &Path, name: &[u8], limit_bytes: u64) -> Result<Self> {
        let path = hierarchy.join(OsStr::from_bytes(name));
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        let scratch = Self { path };
        let known = LIMITS.iter().find(|(limit, ..)| scratch.path.join(limit).exists());
        let (limit, swap, with_memory) =
            known.with_context(|| format!("{} has no limit", scratch.path.display()))?;
        fs::write(scratch.path.join(limit), limit_bytes.to_string())
            .with_context(|| format!("writing {limit} in {}", scratch.path.display()))?;
        // The file is absent if swap is not accounted.
        let _ = fs::write(scratch.path.join(swap), if *with_memory { limit_bytes } else { 0 }.to_string());
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The last victim may still be exiting.
        for _ in 0..200 {
            if fs::remove_dir(&self.path).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} could not be removed", self.path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_a_v1_memory_hierarchy_by_its_options() {
        let line = |options: &str| format!("cgroup /sys/fs/cgroup/x cgroup rw,{options} 0 0");
        assert_eq!(memory_hierarchy(&line("relatime,memory")), Some("/sys/fs/cgroup/x".into()));
        assert_eq!(memory_hierarchy(&line("cpu,cpuacct")), None);
        assert_eq!(memory_hierarchy("tmpfs /memory tmpfs rw,memory 0 0"), None);
        assert_eq!(memory_hierarchy(""), None);
    }
}
