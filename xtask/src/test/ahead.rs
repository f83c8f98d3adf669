//! Compiles programs for the last part of a test run while the parts before it wait for kills, containers and browsers.

use std::thread;

use anyhow::Result;
use oomtrace_object::Arch;

use crate::{host::cross, vm::guest::programs};

/// The lowest priority.
const NICE: i32 = 19;

/// Compile the tracer with deliberate faults and that for arm64, on a thread of its own. If this fails, the part that needs them
/// compiles them again and reports it. That part also waits for a build that is not done, because cargo does.
pub(super) fn compile() {
    thread::spawn(|| {
        // On Linux, this is the priority of the calling thread, and of the processes that it starts.
        // <https://man7.org/linux/man-pages/man2/nice.2.html> (C library/kernel differences)
        let _ = rustix::process::nice(NICE);
        drop(programs::build_with_faults(Arch::X86_64));
        drop(arm64());
    });
}

fn arm64() -> Result<()> {
    cross::install(Arch::Aarch64)?;
    programs::build_for(Arch::Aarch64, true).map(drop)
}
