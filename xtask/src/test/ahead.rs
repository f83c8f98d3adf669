//! Compiles the programs of the guests while other parts of a test run compile, wait for kills or wait for a browser.

use std::thread;

use anyhow::Result;
use oomtrace_object::Arch;

use crate::{host::cross, vm::guest::programs};

/// The lowest priority.
const NICE: i32 = 19;

/// Compile them on a thread of its own: the usual ones, those with deliberate faults, and those for arm64. If this fails, the part
/// that needs them compiles them again and reports it. That part also waits for a build that is not done.
pub(super) fn compile() {
    thread::spawn(|| {
        // On Linux, this is the priority of the calling thread, and of the processes that it starts.
        // <https://man7.org/linux/man-pages/man2/nice.2.html> (C library/kernel differences)
        let _ = rustix::process::nice(NICE);
        drop(programs::build(true));
        drop(programs::build_with_faults(Arch::X86_64));
        drop(arm64());
    });
}

fn arm64() -> Result<()> {
    cross::install(Arch::Aarch64)?;
    programs::build_for(Arch::Aarch64, true).map(drop)
}
