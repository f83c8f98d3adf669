//! SysV shared memory segments. They outlive every process, so they must be removed before the next scenario.

use std::fs;

use anyhow::{Context, Result, ensure};

/// The kernel's list of segments. Its second column is a segment's id (`sysvipc_shm_proc_show`,
/// <https://github.com/torvalds/linux/blob/v6.12/ipc/shm.c#L1786>).
const FILE: &str = "/proc/sysvipc/shm";

/// Remove every segment.
pub(crate) fn remove_all() -> Result<()> {
    let text = fs::read_to_string(FILE).with_context(|| format!("reading {FILE}"))?;
    for line in text.lines().skip(1) {
        let id = line.split_ascii_whitespace().nth(1).and_then(|id| id.parse().ok());
        let id: libc::c_int = id.with_context(|| format!("{FILE} has a line without an id: {line}"))?;
        // SAFETY: the removal uses no buffer.
        let result = unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
        ensure!(result == 0, "removing segment {id}: {}", std::io::Error::last_os_error());
    }
    Ok(())
}
