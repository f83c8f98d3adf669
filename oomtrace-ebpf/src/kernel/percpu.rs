//! Counters that have a part on each CPU.

use oomtrace_common::limits::COUNTER_CPUS;

use super::{
    layout::value,
    read::{Probed, at, value},
};

/// The sum if the part of a CPU cannot be read. No sum of `s32` parts is as low.
const UNREADABLE: i64 = i64::MIN;

/// Number of CPUs that one call of [`sum_some`] adds. A higher number would cost more on small machines, and a lower one on large
/// machines.
const CPUS_AT_ONCE: u32 = 8;

/// Adds the `s32` of each CPU at an address in per-CPU memory.
///
/// This and [`sum_some`] are global functions for the verifier, so that it walks each of them once for each program. When it walked the
/// loop for each counter of each task, it took 160,000 instructions more on a machine with 128 CPUs.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn sum(parts: u64) -> i64 {
    let (cpus, mut sum) = (value!(cpus), 0_i64);
    for call in 0..COUNTER_CPUS / CPUS_AT_ONCE {
        let first = call * CPUS_AT_ONCE;
        if first >= cpus {
            break;
        }
        let more = sum_some(parts, u64::from(first));
        if more == UNREADABLE {
            return UNREADABLE;
        }
        sum += more;
    }
    sum
}

/// Adds the parts of up to [`CPUS_AT_ONCE`] CPUs, from this one on.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn sum_some(parts: u64, first: u64) -> i64 {
    let (cpus, mut sum, mut status) = (u64::from(value!(cpus)), 0_i64, 0);
    for number in 0..u64::from(CPUS_AT_ONCE) {
        let cpu = first + number;
        if cpu >= cpus {
            break;
        }
        let (base, base_status) = value::<Probed, u64>(at(value!(per_cpu_offset) + cpu * 8), 0);
        let (part, part_status) = value::<Probed, i32>(at(base.wrapping_add(parts)), 0);
        status |= base_status | part_status;
        sum += i64::from(part);
    }
    if status < 0 { UNREADABLE } else { sum }
}

/// Returns the status of a sum, like that of a field.
#[inline(always)]
pub(crate) fn status(sum: i64) -> i64 {
    if sum == UNREADABLE { super::read::NOTHING } else { 0 }
}
