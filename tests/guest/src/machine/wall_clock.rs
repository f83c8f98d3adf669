//! The wall clock of the guest.

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

/// The Unix time in ns.
pub(crate) fn now_ns() -> i128 {
    let now = clock_gettime(ClockId::Realtime);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}

/// Sets the clock forward by this many seconds. For 0 it does nothing.
pub(crate) fn put_forward(seconds: i64) -> Result<()> {
    if seconds == 0 {
        return Ok(());
    }
    let now = clock_gettime(ClockId::Realtime);
    let then = Timespec { tv_sec: now.tv_sec + seconds, ..now };
    clock_settime(ClockId::Realtime, then).context("setting the wall clock")
}
