//! Two processes on one memory, as after `vfork`, and neither waits for the other.

use std::ffi::{c_int, c_void};

use anyhow::{Context, Result, ensure};
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// The twin does nothing but wait: one page is plenty, and a stack starts at the page's end.
const STACK_MIB: usize = 1;

/// A second process is made that shares all memory; then memory is taken. `child PID` is said.
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
        // CLONE_PARENT: whoever started this process learns how the twin ended, too.
        let flags = libc::CLONE_VM | libc::CLONE_PARENT | libc::SIGCHLD;
        // SAFETY: the stack is writable, used by nobody else, and kept below for as long as this process lives. The twin
        // shares our thread's storage, so it does nothing but wait in the kernel.
        let pid = unsafe { libc::clone(wait_for_ever, stack.end().cast(), flags, std::ptr::null_mut()) };
        ensure!(pid > 0, std::io::Error::last_os_error());
        crate::say(&format!("child {pid}")).context("naming the twin")?;
        mapping.touch();
        Ok(vec![mapping, stack].into())
    }
}

extern "C" fn wait_for_ever(_: *mut c_void) -> c_int {
    loop {
        // SAFETY: pause takes nothing and returns only after a signal handler, of which there is none.
        unsafe { libc::pause() };
    }
}
