//! Protects this process from being killed. A tracer of OOM kills that is killed itself, or waits for its own pages, reports
//! nothing.

use std::fs;

use rustix::mm::{MlockAllFlags, mlockall};

/// The parts of the protection that worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// `oom_score_adj` is -1000, so the kernel does not choose this process.
    pub unkillable: bool,
    /// Pages stay in memory after their first use.
    pub locked: bool,
    /// Reading `/proc` of a dying process cannot start another OOM kill.
    pub harmless: bool,
    /// This process runs before ordinary processes, including a victim.
    pub prompt: bool,
}

impl Protection {
    /// The failed parts, for the line that reports them.
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

/// Protects this process as far as its privileges allow.
#[must_use]
pub fn protect() -> Protection {
    give_back();
    // ONFAULT, because locking pages that were never used would cost more than it protects.
    let locked = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok();
    Protection {
        unkillable: fs::write("/proc/self/oom_score_adj", "-1000").is_ok(),
        locked,
        harmless: be_io_flusher(),
        prompt: run_first(),
    }
}

/// Marks this thread as an I/O flusher. Reading `/proc/PID/cmdline` takes a page of kernel memory, and in a global OOM that
/// allocation can invoke the OOM killer again. On 5.10 to 6.12 an innocent process was killed because the tracer read this
/// file. Allocations of an I/O flusher lack `__GFP_FS`, and the kernel does not kill for them. The flag belongs to a thread.
/// Threads and children that it starts afterwards inherit it.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/sys.c#L2735> (`PR_SET_IO_FLUSHER`, needs CAP_SYS_RESOURCE)
pub(crate) fn be_io_flusher() -> bool {
    const PR_SET_IO_FLUSHER: libc::c_int = 57;
    // SAFETY: takes only numbers and changes a flag of this thread.
    unsafe { libc::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0 }
}

/// Schedules this thread before victims. The facts in a victim's `/proc` disappear once the victim has run again, so this
/// thread must run first. On one busy processor an ordinary thread did not: every victim of another process's allocation lost
/// its command line. The lowest real-time priority is enough, and the kernel still leaves a part of each second to others
/// (`sched_rt_runtime_us`). If that is refused, the thread gets the best ordinary priority. Threads that are started later do
/// not inherit it.
fn run_first() -> bool {
    let lowest = libc::sched_param { sched_priority: 1 };
    // SAFETY: reads the parameter during the call, and changes how this thread is scheduled.
    let is_first = unsafe {
        libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &raw const lowest) == 0
    };
    is_first || rustix::process::setpriority_process(None, -20).is_ok()
}

/// Returns memory that the start left in the allocator to the kernel. Pages that are not there need not be locked.
#[cfg(target_env = "gnu")]
fn give_back() {
    // SAFETY: takes a number, and touches only the allocator's own free memory, under its own locks.
    unsafe { libc::malloc_trim(0) };
}

/// No other C library has such a function.
#[cfg(not(target_env = "gnu"))]
const fn give_back() {}
