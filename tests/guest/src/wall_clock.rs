//! The wall clock of the guest.

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

/// Unix time, in ns.
pub(crate) fn now_ns() -> i128 {
    let now = clock_gettime(ClockId::Realtime);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}

/// Sets it so many seconds forward; by none, not at all.
pub(crate) fn put_forward(seconds: i64) -> Result<()> {
    if seconds == 0 {
        return Ok(());
    }
    let now = clock_gettime(ClockId::Realtime);
    let then = Timespec { tv_sec: now.tv_sec + seconds, ..now };
    clock_settime(ClockId::Realtime, then).context("setting the wall clock")
}
