//! Memory for the report of a kill, taken from the kernel before the kill.
//!
//! A kill happens when memory is short, so a tracer that asks the kernel for memory at that moment may wait, or cause another
//! OOM pass. The tracing thread builds a report on the heap. This module lets the heap contain enough pages beforehand: they are
//! in memory, locked, and not given back. The tracing thread fills the reserve again when no incident is open.
//!
//! The functions do nothing for another C library than glibc. There, the heap gets its pages from the kernel when it needs them.

use std::{ffi::c_void, fs, hint::black_box, ptr};

use rustix::mm::mlock;

/// Bytes of free memory that the heap contains in one piece when a kill begins.
const RESERVE_BYTES: usize = 768 << 10;

/// Allocations of this size or more get a mapping of their own. The reserve is in the heap, so it must be smaller.
#[cfg(target_env = "gnu")]
const MAPPED_BYTES: usize = 1 << 20;

/// The same until the tracer is armed. The start allocates and frees large blocks. A block with a mapping of its own returns to the
/// kernel as a whole, and a block in the heap leaves a hole between blocks that stay.
#[cfg(target_env = "gnu")]
const MAPPED_BYTES_AT_START: usize = 4 << 10;

/// Keeps the large blocks of the start out of the heap, so that few pages of the heap are unused later. [`take`] ends this.
pub(crate) fn keep_heap_small() {
    #[cfg(target_env = "gnu")]
    set(libc::M_MMAP_THRESHOLD, MAPPED_BYTES_AT_START);
}

/// Takes the reserve, and all pages of the heap that are not in memory. Call it on the tracing thread when the start is over.
pub(crate) fn take() {
    #[cfg(target_env = "gnu")]
    {
        set(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        // The C library gives free memory at the end of the heap back if it is larger than this.
        set(libc::M_TRIM_THRESHOLD, RESERVE_BYTES + (RESERVE_BYTES >> 2));
        // The heap grows by exactly the reserve.
        set(libc::M_TOP_PAD, 0);
        fill();
        load_heap();
        // It then keeps this much of it.
        set(libc::M_TOP_PAD, RESERVE_BYTES);
    }
}

/// Makes sure that the heap contains the reserve. It costs a write to each of its pages, and takes memory from the kernel only if the
/// reserve has been used.
pub(crate) fn fill() {
    if cfg!(target_env = "gnu") {
        let mut block: Vec<u8> = Vec::new();
        // Without the reserve, the heap gets memory when it needs it.
        if block.try_reserve_exact(RESERVE_BYTES).is_err() {
            return;
        }
        for byte in block.spare_capacity_mut().iter_mut().step_by(rustix::param::page_size()) {
            byte.write(1);
        }
        // The compiler must not leave out a block that is never read.
        black_box(&mut block);
    }
}

/// Loads the pages of the heap that were given back to the kernel and lie between blocks in use. An allocation prefers them to the
/// reserve. If the kernel refuses, nothing changes.
#[cfg(target_env = "gnu")]
fn load_heap() {
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    for (start, end) in maps.lines().filter_map(heap) {
        let address: *mut c_void = ptr::with_exposed_provenance_mut(start);
        // SAFETY: locks pages that this process has mapped, and changes no byte of them.
        let _ = unsafe { mlock(address, end.saturating_sub(start)) };
    }
}

/// Parses a line of `/proc/self/maps`. `None` if it is not the heap of the main thread.
fn heap(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, name) = (words.next()?, words.nth(4)?);
    let (start, end) = range.split_once('-').filter(|_| name == "[heap]")?;
    let address = |hex| usize::from_str_radix(hex, 16).ok();
    Some((address(start)?, address(end)?))
}

/// Sets a parameter of the C library's allocator.
#[cfg(target_env = "gnu")]
fn set(parameter: libc::c_int, value: usize) {
    let Ok(value) = libc::c_int::try_from(value) else { return };
    // SAFETY: takes only numbers, and changes how the allocator gets memory under its own lock.
    unsafe { libc::mallopt(parameter, value) };
}

#[cfg(test)]
mod tests {
    use super::heap;

    #[test]
    fn finds_the_heap_among_mappings() {
        let line = "55556e797000-55556e9de000 rw-p 00000000 00:00 0                          [heap]";
        assert_eq!(heap(line), Some((0x5555_6e79_7000, 0x5555_6e9d_e000)));
        assert_eq!(heap("7ffff7a00000-7ffff7a01000 rw-p 00000000 00:00 0"), None);
        assert_eq!(heap("7ffff7a00000-7ffff7a01000 r-xp 00000000 08:01 12 /usr/lib/libc.so.6"), None);
    }
}
