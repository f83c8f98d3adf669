//! `ssize_t memory_max_write(struct kernfs_open_file *of, char *buf, size_t nbytes, loff_t off)`: the kernel kills if the new
//! limit is below the usage. The writer is then the trigger, and it is usually not in that cgroup.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L4150>
//!
//! Several threads can write at the same time, so the map remembers each thread.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{fentry, fexit, kprobe, kretprobe, map},
    maps::LruHashMap,
    programs::{FEntryContext, FExitContext, ProbeContext, RetProbeContext},
};
use oomtrace_common::limits::MAX_WRITERS;

/// The threads inside the function. The map drops the least recently used entry first, so that a thread whose return was missed
/// does not stay forever.
#[map]
static WRITERS: LruHashMap<u64, u8> = LruHashMap::with_max_entries(MAX_WRITERS, 0);

#[fentry]
fn memory_max_write_fentry(_ctx: FEntryContext) -> u32 {
    enter()
}

#[kprobe]
fn memory_max_write_kprobe(_ctx: ProbeContext) -> u32 {
    enter()
}

#[fexit]
fn memory_max_write_fexit(_ctx: FExitContext) -> u32 {
    leave()
}

#[kretprobe]
fn memory_max_write_kretprobe(_ctx: RetProbeContext) -> u32 {
    leave()
}

#[inline(always)]
fn enter() -> u32 {
    let _ = WRITERS.insert(bpf_get_current_pid_tgid(), 1, 0);
    0
}

#[inline(always)]
fn leave() -> u32 {
    let _ = WRITERS.remove(bpf_get_current_pid_tgid());
    0
}

/// Whether the current thread is writing to a `memory.max`.
#[inline(always)]
pub(crate) fn is_current_inside() -> bool {
    WRITERS.get_ptr(bpf_get_current_pid_tgid()).is_some()
}
