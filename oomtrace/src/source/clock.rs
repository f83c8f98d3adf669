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
    let before = boot_ns();
    let wall = nanoseconds(clock_gettime(ClockId::Realtime));
    let boot = i128::from(before.midpoint(boot_ns()));
    i64::try_from(wall - boot).unwrap_or(0)
}

fn nanoseconds(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}
