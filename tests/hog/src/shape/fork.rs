//! A copy of this process.

use std::io;

use anyhow::{Context, Result};

/// Who we are after the fork.
pub(crate) enum Fork {
    /// The one that called; with the copy's process id.
    Original(i32),
    /// The copy. It must not allocate or return: another thread of the original may have held a lock.
    Copy,
}

/// Fork; the copy is a child of our own parent, who learns how it ended.
pub(crate) fn fork() -> Result<Fork> {
    let (flags, none) = (libc::CLONE_PARENT | libc::SIGCHLD, 0_usize);
    // SAFETY: without CLONE_VM this is fork: the copy goes on with its own copy of the stack.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    match i32::try_from(pid)? {
        0 => Ok(Fork::Copy),
        pid if pid > 0 => Ok(Fork::Original(pid)),
        _ => Err(io::Error::last_os_error()).context("forking"),
    }
}

/// Stay until a signal ends this process.
pub(crate) fn stay() -> ! {
    loop {
        // SAFETY: pause takes nothing and returns only after a signal handler, of which there is none.
        unsafe { libc::pause() };
    }
}
