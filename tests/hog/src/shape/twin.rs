//! Two processes with the same memory, as after `vfork`. Neither waits for the other.

use std::ffi::{c_int, c_void};

use anyhow::{Context, Result, ensure};
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// Size of the twin's stack. The twin only waits, so one page would be enough. A stack starts at its highest address.
const STACK_MIB: usize = 1;

/// A second process that shares all memory. The first process allocates memory when the second exists. `child PID` is printed.
#[derive(Args)]
pub(crate) struct Twin {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
}

impl Twin {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        let stack = Mapping::anonymous(STACK_MIB, MapFlags::PRIVATE)?;
        // With CLONE_PARENT, the parent of this process also receives the exit status of the twin.
        let flags = libc::CLONE_VM | libc::CLONE_PARENT | libc::SIGCHLD;
        // SAFETY: the stack is writable, not used elsewhere, and kept below until this process exits. The twin shares this
        // thread's storage, so it does nothing but wait in the kernel.
        let pid = unsafe { libc::clone(wait_for_ever, stack.end().cast(), flags, std::ptr::null_mut()) };
        ensure!(pid > 0, std::io::Error::last_os_error());
        crate::say(&format!("child {pid}")).context("naming the twin")?;
        mapping.touch();
        Ok(vec![mapping, stack].into())
    }
}

extern "C" fn wait_for_ever(_: *mut c_void) -> c_int {
    loop {
        // SAFETY: pause takes no arguments. It returns only after a signal handler, and this process has none.
        unsafe { libc::pause() };
    }
}
