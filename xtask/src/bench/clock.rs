//! The clock of the times in reports.

use rustix::time::{ClockId, clock_gettime};

/// Returns `CLOCK_BOOTTIME` in ns.
pub(super) fn boot_ns() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let part = |number: i64, unit: u64| u64::try_from(number).unwrap_or(0).saturating_mul(unit);
    part(now.tv_sec, 1_000_000_000).saturating_add(part(now.tv_nsec, 1))
}
