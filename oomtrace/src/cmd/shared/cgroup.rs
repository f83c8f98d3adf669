//! Empties and removes oomtrace's own cgroups by descriptor, and never outside a cgroup file system.

use std::{
    ffi::{CString, OsStr},
    fs::File,
    io::Read as _,
    os::fd::OwnedFd,
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, unlinkat},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use super::knob_file::is_cgroup;
use crate::trust::{Links, Place, resolve};

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

const ADVICE: &str = "oomtrace did not create this cgroup";

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The pid in a cgroup's name, if oomtrace created it: the name is the prefix and a number.
pub(in crate::cmd) fn number<'a>(name: &'a OsStr, prefix: &str) -> Option<&'a str> {
    let number = name.to_str()?.strip_prefix(prefix)?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

/// Kills all processes in a cgroup and below it, and removes these cgroups.
///
/// # Errors
///
/// If it is not a cgroup, or still exists after this many attempts.
pub(in crate::cmd) fn remove(top: &Path, attempts: u32) -> Result<()> {
    for _ in 0..attempts {
        let Some((parent, name, cgroup)) = open(top)? else { return Ok(()) };
        kill(&cgroup);
        remove_below(&cgroup);
        drop(cgroup);
        // The removal fails with EBUSY until the last process has exited.
        if matches!(unlinkat(&parent, &name, AtFlags::REMOVEDIR), Ok(()) | Err(Errno::NOENT)) {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    bail!("cannot remove {}: its processes do not exit", top.display())
}

/// Sends SIGKILL to all processes in a cgroup and below it, if it exists.
///
/// # Errors
///
/// If it is not a cgroup.
pub(in crate::cmd) fn empty(top: &Path) -> Result<()> {
    if let Some((_, _, cgroup)) = open(top)? {
        kill(&cgroup);
    }
    Ok(())
}

/// The cgroup with its parent directory; `None` if it has been removed.
fn open(top: &Path) -> Result<Option<(OwnedFd, std::ffi::OsString, OwnedFd)>> {
    let Place { directory, name, found, .. } = resolve(top, Links::Never, ADVICE)?;
    if found.is_none() {
        return Ok(None);
    }
    let opened = openat(&directory, &name, DIRECTORY, Mode::empty());
    let cgroup = match opened {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened.with_context(|| format!("opening {}", top.display()))?,
    };
    ensure!(
        is_cgroup(&directory) && is_cgroup(&cgroup),
        "refusing {}: it is not on a cgroup file system; nothing in it was killed or removed",
        top.display()
    );
    Ok(Some((directory, name, cgroup)))
}

fn kill(cgroup: &OwnedFd) {
    // Available since 5.14. A process cannot escape it by forking.
    // https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup.c#L4090 (`cgroup_kill_write`)
    let killed = openat(cgroup, "cgroup.kill", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|file| rustix::io::write(&file, b"1"));
    if killed.is_ok() {
        return;
    }
    kill_members(cgroup);
    for inner in below(cgroup) {
        kill(&inner.1);
    }
}

/// Kills a process by its number. The number may have been reused, so a pidfd is opened first and membership checked after that.
fn kill_members(cgroup: &OwnedFd) {
    let opened =
        members(cgroup).into_iter().filter_map(|pid| Some((pid, pidfd_open(pid, PidfdFlags::empty()).ok()?)));
    let held: Vec<(Pid, OwnedFd)> = opened.collect();
    let still = members(cgroup);
    for (_, process) in held.iter().filter(|(pid, _)| still.contains(pid)) {
        // The process may have exited by itself.
        let _ = pidfd_send_signal(process, Signal::KILL);
    }
}

/// Processes in one cgroup.
fn members(cgroup: &OwnedFd) -> Vec<Pid> {
    let mut procs = String::new();
    let file = openat(cgroup, "cgroup.procs", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    // A failed read is repeated later.
    let _ = file.map(|file| File::from(file).read_to_string(&mut procs));
    procs.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw).collect()
}

fn remove_below(cgroup: &OwnedFd) {
    for (name, inner) in below(cgroup) {
        remove_below(&inner);
        // The removal fails with EBUSY until the last process has exited.
        let _ = unlinkat(cgroup, name.as_c_str(), AtFlags::REMOVEDIR);
    }
}

/// The cgroups inside a cgroup.
fn below(cgroup: &OwnedFd) -> Vec<(CString, OwnedFd)> {
    let entries = Dir::read_from(cgroup).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_type() == FileType::Directory);
    let names = named.map(|entry| entry.file_name().to_owned());
    let inner = names.filter(|name| !matches!(name.as_bytes(), b"." | b".."));
    inner
        .filter_map(|name| {
            Some((name.clone(), openat(cgroup, name.as_c_str(), DIRECTORY, Mode::empty()).ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, fs};

    use super::{empty, number, remove};

    #[test]
    fn removes_nothing_outside_a_cgroup_file_system() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("oomtrace-demo-1");
        fs::create_dir_all(top.join("inner")).unwrap();
        fs::write(top.join("cgroup.kill"), "").unwrap();
        assert!(remove(&top, 1).unwrap_err().to_string().contains("refusing"));
        assert!(empty(&top).unwrap_err().to_string().contains("refusing"));
        assert!(top.join("inner").is_dir() && fs::read(top.join("cgroup.kill")).unwrap().is_empty());
        remove(&directory.path().join("gone"), 1).unwrap();
    }

    #[test]
    fn knows_its_own_names() {
        let ours = |name: &'static str| number(OsStr::new(name), "oomtrace-demo-");
        assert_eq!(ours("oomtrace-demo-12"), Some("12"));
        for other in ["oomtrace-demo-", "oomtrace-demo-1a", "oomtrace-demo", "oomtrace-demo-../1", "demo-12"]
        {
            assert_eq!(ours(other), None, "{other}");
        }
    }
}
