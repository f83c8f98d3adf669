//! A copy of this process.

use std::io;

use anyhow::{Context, Result};

/// The process that runs after the fork.
pub(crate) enum Fork {
    /// The original process, with the copy's process id.
    Original(i32),
    /// The copy. It must not allocate or return: another thread of the original may have held a lock.
    Copy,
}

/// Forks. The copy is a child of this process's parent, which therefore receives its exit status.
pub(crate) fn fork() -> Result<Fork> {
    let (flags, none) = (libc::CLONE_PARENT | libc::SIGCHLD, 0_usize);
    // SAFETY: without CLONE_VM this is a fork: the copy runs on its own copy of the stack.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    match i32::try_from(pid)? {
        0 => Ok(Fork::Copy),
        pid if pid > 0 => Ok(Fork::Original(pid)),
        _ => Err(io::Error::last_os_error()).context("forking"),
    }
}

/// Waits until a signal ends this process.
pub(crate) fn stay() -> ! {
    loop {
        // SAFETY: pause takes no arguments. It returns only after a signal handler, and this process has none.
        unsafe { libc::pause() };
    }
}
