//! Being the last process alive: a tracer of OOM kills that is itself killed, or waits for its own pages, tells nothing.

use std::fs;

use rustix::mm::{MlockAllFlags, mlockall};

/// What of it worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// `oom_score_adj` is -1000: the kernel will not choose this process.
    pub unkillable: bool,
    /// Pages stay in memory once touched.
    pub locked: bool,
    /// Looking at a dying process cannot start another OOM kill.
    pub harmless: bool,
    /// It runs before ordinary processes, a victim among them.
    pub prompt: bool,
}

impl Protection {
    /// What did not work, for the line that says so.
    #[must_use]
    pub const fn remark(self) -> &'static str {
        match (self.unkillable && self.harmless, self.locked) {
            (true, true) => "",
            (false, _) => {
                " (without CAP_SYS_RESOURCE, oomtrace itself may be killed or cause a kill when memory runs out)"
            }
            (true, false) => " (without CAP_IPC_LOCK, the kernel may reclaim oomtrace's own pages)",
        }
    }
}

/// Protects this process as far as its privileges go.
#[must_use]
pub fn protect() -> Protection {
    give_back();
    // On fault: locking what was never touched would cost more than it protects.
    let locked = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok();
    Protection {
        unkillable: fs::write("/proc/self/oom_score_adj", "-1000").is_ok(),
        locked,
        harmless: be_io_flusher(),
        prompt: run_first(),
    }
}

/// Reading `/proc/PID/cmdline` takes a page of kernel memory, and in a global OOM that page can be the one that invokes the
/// OOM killer again: measured on 5.10 to 6.12, an innocent process died of the tracer's look. An I/O flusher's
/// allocations lack `__GFP_FS`, and for those the kernel does not kill. Of each thread its own; inherited by those that it starts
/// afterwards, and by children.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/sys.c#L2735> (`PR_SET_IO_FLUSHER`, needs CAP_SYS_RESOURCE)
pub(crate) fn be_io_flusher() -> bool {
    const PR_SET_IO_FLUSHER: libc::c_int = 57;
    // SAFETY: takes numbers alone and changes a flag of this thread.
    unsafe { libc::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0 }
}

/// What is looked up of a victim is gone once the victim has run again, so this thread must run before it does. On one
/// busy processor an ordinary thread did not: no victim that somebody else's allocation killed kept its command line.
/// The lowest real-time priority is enough for that; the kernel leaves others a part of each second all the same
/// (`sched_rt_runtime_us`). Where it is refused, the best ordinary priority. Threads started later do not inherit it.
fn run_first() -> bool {
    let lowest = libc::sched_param { sched_priority: 1 };
    // SAFETY: reads the parameter for the length of the call, and changes how this thread is scheduled.
    let is_first = unsafe {
        libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &raw const lowest) == 0
    };
    is_first || rustix::process::setpriority_process(None, -20).is_ok()
}

/// Gives the kernel back what the start has left in the allocator: pages that are not there need not be locked.
#[cfg(target_env = "gnu")]
fn give_back() {
    // SAFETY: takes a number, and touches nothing but the allocator's own free memory, under its own locks.
    unsafe { libc::malloc_trim(0) };
}

/// No other C library has a way to ask for it.
#[cfg(not(target_env = "gnu"))]
const fn give_back() {}
