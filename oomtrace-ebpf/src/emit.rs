//! The way out: the ring buffer, and the count of what did not fit.

use core::arch::asm;

use aya_ebpf::{
    bindings::BPF_RB_AVAIL_DATA,
    helpers::{bpf_ktime_get_boot_ns, generated::bpf_probe_read_kernel},
    macros::map,
    maps::{Array, RingBuf},
};
use oomtrace_common::{
    frame::{FrameHeader, Kind, LOSS_SLOTS, Wire},
    limits::{RING_BYTES, RING_TABLE_BYTES},
};

#[map]
static RING: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// Frames that found the ring full, by kind.
#[map]
static LOST: Array<u64> = Array::with_max_entries(LOSS_SLOTS, 0);

/// What a record is cleared with: one copy, where the compiler's `memset` would be a loop that the verifier walks byte
/// by byte.
static ZEROES: [u8; 512] = [0; 512];

/// A frame in place.
#[repr(C)]
pub(crate) struct Framed<T> {
    pub(crate) header: FrameHeader,
    pub(crate) event: T,
}

/// `CLOCK_BOOTTIME` in ns.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: the helper takes nothing and returns a number.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// That a record was sent, by an instruction of its own. Otherwise the compiler takes the answer from the record's address, and
/// compares that with null twice; the verifier of 5.10 forgets in between that it is not null, and misses the record's end.
#[inline(always)]
fn sent() -> bool {
    let answer: u64;
    // SAFETY: sets a register.
    unsafe { asm!("{answer} = 1", answer = out(reg) answer, options(pure, nomem, nostack)) };
    answer != 0
}

/// The opposite, likewise.
#[inline(always)]
fn not_sent() -> bool {
    let answer: u64;
    // SAFETY: sets a register.
    unsafe { asm!("{answer} = 0", answer = out(reg) answer, options(pure, nomem, nostack)) };
    answer != 0
}

/// Sends one event, zeroed and then filled in place, or counts it as lost; whether it was sent.
#[inline(always)]
pub(crate) fn emit<T: Wire + 'static>(pass: u64, fill: impl FnOnce(&mut T)) -> bool {
    emit_as(T::KIND.number(), pass, fill)
}

/// Likewise, of another kind with the same payload.
#[inline(always)]
pub(crate) fn emit_as<T: Wire + 'static>(kind: u16, pass: u64, fill: impl FnOnce(&mut T)) -> bool {
    let Some(mut entry) = RING.reserve::<Framed<T>>(0) else {
        count_lost(u32::from(kind));
        return not_sent();
    };
    const { assert!(size_of::<Framed<T>>() <= ZEROES.len()) };
    let framed = entry.as_mut_ptr();
    // SAFETY: the entry is ours until it is submitted, and large enough; all zeroes are a value of `FrameHeader` and
    // of every `Wire` type. Without them an older record's bytes would travel along.
    let framed = unsafe {
        bpf_probe_read_kernel(framed.cast(), const { size_of::<Framed<T>>() as u32 }, ZEROES.as_ptr().cast());
        &mut *framed
    };
    framed.header =
        FrameHeader { kind, reserved: 0, len: const { size_of::<T>() as u32 }, boot_ns: now(), pass };
    fill(&mut framed.event);
    entry.submit(0);
    sent()
}

/// Sends `len` bytes that are a frame already, or counts it as lost. What tells of the kill itself has the rest of the
/// ring: where user space is behind, tables of candidates are lost first.
#[inline(always)]
pub(crate) fn copy_out(frame: *const u8, len: u64, kind: Kind) {
    let waiting = RING.query(u64::from(BPF_RB_AVAIL_DATA));
    // SAFETY: the caller's map value, of at least as many bytes; the verifier checks it.
    let bytes = unsafe { core::slice::from_raw_parts(frame, len as usize) };
    if waiting > RING_TABLE_BYTES || RING.output::<[u8]>(bytes, 0).is_err() {
        count_lost(u32::from(kind.number()));
    }
}

/// Counts a frame of that kind as lost, or something else that has a slot among them.
#[inline(always)]
pub(crate) fn count_lost(kind: u32) {
    count_in(kind, 1);
}

/// Adds to a slot of the counters.
#[inline(always)]
pub(crate) fn count_in(slot: u32, number: u64) {
    if let Some(slot) = LOST.get_ptr_mut(slot) {
        // SAFETY: a valid, aligned map value.
        unsafe { add(slot, number) };
    }
}

/// Adds to a counter that several CPUs may write to. The instruction itself, because `core` has no `fetch_add` for this target, and a
/// plain `+=` would miss counts.
///
/// # Safety
///
/// The counter is a valid, aligned map value.
#[inline(always)]
pub(crate) unsafe fn add(counter: *mut u64, number: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("lock *(u64 *)({counter} + 0) += {number}", counter = in(reg) counter, number = in(reg) number);
    };
}
