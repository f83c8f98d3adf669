//! The kernel side stamps its frames with `CLOCK_BOOTTIME`; so does everything that joins them.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// `CLOCK_BOOTTIME` in ns.
#[must_use]
pub fn boot_ns() -> u64 {
    u64::try_from(nanoseconds(clock_gettime(ClockId::Boottime))).unwrap_or(0)
}

/// Wall clock minus `CLOCK_BOOTTIME`, in ns: what turns a frame's stamp into a date.
#[must_use]
pub fn wall_offset_ns() -> i64 {
    offset_ns(ClockId::Realtime)
}

/// `CLOCK_MONOTONIC` minus `CLOCK_BOOTTIME`, in ns: what turns a frame's stamp into one of the kernel's log or trace.
#[must_use]
pub fn monotonic_offset_ns() -> i64 {
    offset_ns(ClockId::Monotonic)
}

fn offset_ns(clock: ClockId) -> i64 {
    let before = boot_ns();
    let other = nanoseconds(clock_gettime(clock));
    let boot = i128::from(before.midpoint(boot_ns()));
    i64::try_from(other - boot).unwrap_or(0)
}

fn nanoseconds(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}
