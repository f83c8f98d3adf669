//! The clocks. The eBPF side stamps its frames with `CLOCK_BOOTTIME`, so everything that is compared with them uses it as well.

use std::sync::OnceLock;

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::time_namespace::Offsets;

/// A process stays in its time namespace.
static OFFSETS: OnceLock<Offsets> = OnceLock::new();

/// `CLOCK_BOOTTIME` in ns, as the eBPF side reads it.
#[must_use]
pub fn boot_ns() -> u64 {
    u64::try_from(kernels(ClockId::Boottime, offsets().boottime_ns)).unwrap_or(0)
}

/// A `CLOCK_BOOTTIME` that procfs shows to this process, as the kernel's own clock has it.
#[must_use]
pub fn of_procfs(boot_ns: u64) -> u64 {
    boot_ns.saturating_sub_signed(offsets().boottime_ns)
}

/// Wall clock minus `CLOCK_BOOTTIME`, in ns. It converts a frame's stamp into a date.
#[must_use]
pub fn wall_offset_ns() -> i64 {
    minus_boot_ns(ClockId::Realtime, 0)
}

/// `CLOCK_MONOTONIC` minus `CLOCK_BOOTTIME`, in ns. It converts a frame's stamp into one of the kernel's log or trace.
#[must_use]
pub fn monotonic_offset_ns() -> i64 {
    minus_boot_ns(ClockId::Monotonic, offsets().monotonic_ns)
}

fn offsets() -> Offsets {
    *OFFSETS.get_or_init(Offsets::of_this_process)
}

/// A clock without the offset of this process's time namespace.
fn kernels(clock: ClockId, added_ns: i64) -> i128 {
    nanoseconds(clock_gettime(clock)) - i128::from(added_ns)
}

fn minus_boot_ns(clock: ClockId, added_ns: i64) -> i64 {
    let before = boot_ns();
    let other = kernels(clock, added_ns);
    let boot = i128::from(before.midpoint(boot_ns()));
    i64::try_from(other - boot).unwrap_or(0)
}

fn nanoseconds(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}
